// No import of Foundation here: whether its members are visible is the question.
func lines(of text: String) -> [String] { text.components(separatedBy: "\n") }
