import Foundation

/// A server in Python that knows nothing of this project.
package struct PythonServer {
    /// Its process, to be killed by whoever has started it.
    package let process = ChildProcess()
    /// Where it answers.
    package let url: String

    private static let prelude = """
        import socketserver
        socketserver.TCPServer.request_queue_size = 128

        """

    /// Starts one, and waits until it listens.
    ///
    /// A server of the script's takes as many connections at once as ours do: Python's own listen with a queue of five, and a
    /// connection that comes while it is full, as it is when the machine is busy, may be reset with the request that it carries.
    ///
    /// - Parameters:
    ///   - script: Listens at a port of 127.0.0.1 that the system chooses, and prints it on a line.
    ///   - arguments: What the script finds as `sys.argv[1:]`.
    /// - Throws: Where it does not start, or ends without having listened.
    package init(_ script: String, _ arguments: [String] = []) async throws {
        let output = Pipe()
        guard
            process.start(
                ["python3", "-c", Self.prelude + script] + arguments, output: .pipe(output), errors: .nothing)
        else {
            throw CocoaError(.executableNotLoadable)
        }
        let transcript = Transcript(output)
        guard await transcript.wait(for: "\n") else {
            process.kill(SIGKILL)
            throw CocoaError(.executableLoad)
        }
        url = "http://127.0.0.1:" + transcript.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
