protocol Shape {}
func area(of shape: Shape) {}
