import Foundation
import SmartConnectorTesting
import Synchronization

/// Runs seeds of the simulation and prints the figures.
struct Simulate {
    static let usage = """
        usage: simulate [--seeds N] [--from S] [--mode safety|liveness|both] [--bug NAME] [--threads N] [--trace]

        Drives the engine through N seeds (2000) from S on (0), in both modes unless one is named, on as many threads
        as there are cores, and prints seeds a second and what happened how often. Exits with 1 where a seed fails, or
        where 2000 seeds or more did not come to everything that they should.

        --bug NAME   plants a bug that is to be found: \(PlantedBug.allCases.map(\.rawValue).joined(separator: ", "))
        --trace      prints all that happens with the first seed
        """

    var seeds: UInt64 = 2000
    var from: UInt64 = 0
    var modes = SimulationMode.allCases
    var bug: PlantedBug?
    var threads = ProcessInfo.processInfo.activeProcessorCount
    var isTracing = false

    /// - Returns: Nil where the arguments are not understood.
    init?(_ arguments: [String]) {
        var arguments = arguments[...]
        while let option = arguments.popFirst() {
            if option == "--trace" {
                isTracing = true
                continue
            }
            guard let value = arguments.popFirst() else { return nil }
            switch (option, UInt64(value)) {
            case ("--seeds", let number?): seeds = number
            case ("--from", let number?): from = number
            case ("--threads", let number?) where (1...256).contains(number): threads = Int(number)
            case ("--mode", _) where value == "both": break
            case ("--mode", _):
                guard let mode = SimulationMode(rawValue: value) else { return nil }
                modes = [mode]
            case ("--bug", _):
                guard let bug = PlantedBug(rawValue: value) else { return nil }
                self.bug = bug
            default: return nil
            }
        }
        guard !from.addingReportingOverflow(seeds).overflow else { return nil }
    }

    /// - Returns: The exit code.
    func run() -> Int32 {
        if isTracing {
            for mode in modes {
                for line in EngineSimulation(mode: mode, bug: bug).trace(of: from) { print(line) }
            }
        }
        var isGood = true
        for mode in modes {
            let start = ContinuousClock.now
            let report = EngineSimulation(mode: mode, bug: bug).run(seeds: from..<(from + seeds), threads: threads)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            print("\(mode.rawValue): \(report.runs) seeds, \(Int(Double(report.runs) / seconds)) seeds a second")
            print(report)
            for failure in report.failures {
                print("\n\(mode.rawValue), seed \(failure.seed): \(failure.message)")
                for line in failure.trace.suffix(60) { print("  \(line)") }
                print("reproduce: \(failure.reproduction)\(bug.map { " --bug \($0.rawValue)" } ?? "")")
            }
            fflush(nil)
            isGood = isGood && report.isGood
        }
        return isGood ? 0 : 1
    }
}

guard let simulate = Simulate(Array(CommandLine.arguments.dropFirst())) else {
    FileHandle.standardError.write(Data((Simulate.usage + "\n").utf8))
    exit(64)
}
exit(simulate.run())
