final class Box { var value = 0 }

func use(_ box: Box) async { box.value += 1 }

actor Owner {
    let box = Box()
    func run() async { await use(box) }
}
