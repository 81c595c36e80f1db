import Foundation
import Loopback
import Processes
import Synchronization

/// A PostgreSQL server of a test's own: with its data in a temporary folder, reached by a socket in that folder.
///
/// It ends with this process, even where that is killed. As root, the server runs as an unprivileged user, since it
/// refuses to run as root. Everything may be called from any thread; what waits does so on a thread of its own.
package final class PostgresServer: Sendable {
    /// What is wrong with the server.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// How the server is stopped.
    package enum StopMode: Sendable {
        /// Clients are cut off, and what is in memory is written.
        case fast
        /// As a crash: the next start recovers from the log.
        case immediate
        /// As the death of its machine: it gets no word out.
        case killed

        fileprivate var signal: Int32 {
            switch self {
            case .fast: SIGINT
            case .immediate: SIGQUIT
            case .killed: SIGKILL
            }
        }
    }

    /// Where the socket and the data are.
    package let folder: String
    /// The address that is listened on beside the socket, which is this process's alone: a server cannot be told to take
    /// any port that is free.
    private let address: String?
    /// The port at that address, and a part of the socket's name.
    let port: Int
    private let binaries: String
    private let settings: [String: String]
    /// What the server prints once it can be used.
    private let readiness: String
    private let server = ChildProcess()

    /// How many servers this process has had.
    private static let count = Atomic(0)
    /// How long a start, a stop or a tool may take.
    private static let patience: TimeInterval = 120

    /// Makes a database cluster. The server is not started yet.
    ///
    /// - Parameters:
    ///   - listensOnTCP: Whether to listen on the loopback interface too, where the system has an address of our own.
    ///   - authentication: What others than the superuser must show, and all who come by TCP, as in `pg_hba.conf`.
    ///   - settings: Settings of the server beside the defaults, as in `postgresql.conf`.
    /// - Throws: `Failure`, where PostgreSQL is not installed or does not do it.
    package convenience init(
        listensOnTCP: Bool = false, authentication: String = "trust", settings: [String: String] = [:]
    ) async throws {
        try self.init(
            address: listensOnTCP ? Loopback.ownAddress : nil, settings: settings,
            readiness: "ready to accept connections")
        try await run(
            "initdb",
            [
                "-D", "\(folder)/data", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "--auth=trust",
                "--no-instructions",
            ])
        // In place, so that it stays the file of the user that the server runs as.
        try """
        local all postgres trust
        local replication postgres trust
        local all all \(authentication)
        host all all 127.0.0.0/8 \(authentication)
        """.write(toFile: "\(folder)/data/pg_hba.conf", atomically: false, encoding: .utf8)
    }

    /// Makes a folder. There is no cluster in it yet.
    private init(address: String?, settings: [String: String], readiness: String) throws {
        binaries = try Self.findBinaries()
        folder = try Self.makeFolder()
        self.address = address
        port = 25_000 + Self.count.add(1, ordering: .relaxed).oldValue
        self.settings = settings
        self.readiness = readiness
        Leftovers.add(server, folder: folder)
    }

    /// A temporary folder of the user that servers run as.
    static func makeFolder() throws -> String {
        var template = Array("/tmp/scpg-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "no temporary folder: errno \(errno)") }
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        if let user = unprivilegedUser { chown(folder, user.uid, user.gid) }
        return folder
    }

    /// Copies this server, which runs, and starts the copy as its standby: it repeats all that is written here, may only
    /// be read, and takes over when it is promoted.
    ///
    /// - Throws: `Failure`.
    package func startedStandby() async throws -> PostgresServer {
        let standby = try PostgresServer(
            address: nil, settings: settings, readiness: "ready to accept read-only connections")
        try await standby.run(
            "pg_basebackup",
            [
                "-h", folder, "-p", String(port), "-U", "postgres", "-D", "\(standby.folder)/data",
                "--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync",
            ])
        try await standby.start()
        return standby
    }

    /// Makes a standby the one that is written to.
    ///
    /// - Throws: `Failure`.
    package func promote() async throws {
        try await run("pg_ctl", ["promote", "-D", "\(folder)/data", "--wait"])
    }

    /// Makes a cluster and starts its server.
    ///
    /// - Throws: `Failure`.
    package static func started(
        listensOnTCP: Bool = false, authentication: String = "trust", settings: [String: String] = [:]
    ) async throws -> PostgresServer {
        let server = try await PostgresServer(
            listensOnTCP: listensOnTCP, authentication: authentication, settings: settings)
        try await server.start()
        return server
    }

    deinit {
        // Off the thread that happens to let go of it: a server takes a moment to end.
        let (server, folder) = (server, folder)
        Thread.detachNewThread { Leftovers.remove(server, folder: folder) }
    }

    /// Ends the server at once and removes its data.
    package func close() async {
        let (server, folder) = (server, folder)
        try? await Self.onThread { Leftovers.remove(server, folder: folder) }
    }

    // MARK: Its life

    /// Starts the server and returns when it accepts connections.
    ///
    /// - Throws: `Failure` with what the server has logged.
    package func start() async throws {
        var arguments = [
            "-D", "\(folder)/data", "-k", folder, "-p", String(port), "-c", "listen_addresses=\(address ?? "")",
        ]
        // Small, since a test needs no more.
        let settings = ["shared_buffers": "16MB", "max_connections": "100"].merging(self.settings) { $1 }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { arguments += ["-c", "\(name)=\(value)"] }
        let command = Self.unprivileged(["\(binaries)/postgres"] + arguments)
        try await Self.start(server, command, until: readiness)
    }

    /// Starts a program and returns when it has printed a text.
    static func start(_ server: ChildProcess, _ command: [String], until readiness: String) async throws {
        try await onThread {
            let output = Pipe()
            guard server.start(command, output: .pipe(output)) else {
                throw Failure(description: "the server runs already, or cannot be started")
            }
            let transcript = Transcript(output)
            guard transcript.waitOnThread(for: readiness, Self.patience) else {
                server.kill(SIGKILL)
                throw Failure(description: "the server does not start: \(transcript.text.suffix(2000))")
            }
        }
    }

    /// Stops the server and returns when it has ended.
    ///
    /// - Throws: `Failure` where it did not end by itself; it has been killed then.
    package func stop(_ mode: StopMode) async throws {
        try await Self.onThread { [server] in
            server.kill(mode.signal)
            guard server.waitForEnd(Self.patience) else {
                server.kill(SIGKILL)
                throw Failure(description: "PostgreSQL does not stop (\(mode))")
            }
        }
    }

    /// Stops the server and starts it again, with the same data at the same address.
    ///
    /// - Throws: `Failure`.
    package func restart(_ mode: StopMode) async throws {
        try await stop(mode)
        try await start()
    }

    // MARK: Its databases

    /// How a database of the server is reached: as the superuser, by the socket. A server that is there may take its time:
    /// how much else a machine does is nothing that a test is about.
    package func connectionString(database: String = "postgres") -> String {
        "host=\(folder) port=\(port) user=postgres dbname=\(database) connect_timeout=300"
    }

    /// The address of a database: by TCP where the server listens there.
    package func uri(database: String = "postgres", user: String = "postgres", password: String? = nil) -> String {
        let credentials = user + (password.map { ":\($0)" } ?? "")
        guard let address else {
            return "postgres://\(credentials)@/\(database)?host=\(folder)&port=\(port)&connect_timeout=300"
        }
        return "postgres://\(credentials)@\(address):\(port)/\(database)?connect_timeout=300"
    }

    /// The address of a database that several servers have, of which one at a time is written to.
    package static func uri(of servers: [PostgresServer], database: String) -> String {
        let hosts = servers.map(\.folder).joined(separator: ",")
        let ports = servers.map { String($0.port) }.joined(separator: ",")
        return "postgres://postgres@/\(database)?host=\(hosts)&port=\(ports)&target_session_attrs=read-write"
    }

    /// Creates an empty database.
    ///
    /// - Returns: Its name, which no other has.
    /// - Throws: `Failure`.
    package func createDatabase() async throws -> String {
        let name = "test_" + UUID().uuidString.lowercased().filter { $0 != "-" }
        try await run("createdb", ["-h", folder, "-p", String(port), "-U", "postgres", name])
        return name
    }

    // MARK: The programs

    private func run(_ program: String, _ arguments: [String]) async throws {
        let command = Self.unprivileged(["\(binaries)/\(program)"] + arguments)
        let log = "\(folder)/\(program)-\(UUID().uuidString).log"
        try await Self.onThread {
            let child = ChildProcess()
            guard child.start(command, output: .file(log)) else {
                throw Failure(description: "\(program) cannot be started")
            }
            let hasEnded = child.waitForEnd(Self.patience)
            if !hasEnded { child.kill(SIGKILL) }
            guard hasEnded, child.status == 0 else {
                let output = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                throw Failure(description: "\(program) failed: \(output)")
            }
        }
    }

    /// Debian keeps the programs of each version in a folder of its own and off the PATH.
    private static func findBinaries() throws -> String {
        let versions = "/usr/lib/postgresql"
        let installed = ((try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? [])
            .sorted { (Double($0) ?? 0) > (Double($1) ?? 0) }
            .map { "\(versions)/\($0)/bin" }
        let path = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
        for folder in installed + path
        where ["initdb", "postgres", "createdb"].allSatisfy({
            FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
        }) {
            return folder
        }
        throw Failure(description: "PostgreSQL's server is not installed; run .ci/setup")
    }

    /// Who runs the server when root does not.
    static let unprivilegedUser: (uid: uid_t, gid: gid_t)? = {
        guard geteuid() == 0, let user = getpwnam("postgres") ?? getpwnam("nobody") else { return nil }
        return (user.pointee.pw_uid, user.pointee.pw_gid)
    }()

    /// A command as the unprivileged user, and one that ends with this process, where the system can do that.
    static func unprivileged(_ command: [String]) -> [String] {
        let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].first(where: FileManager.default.isExecutableFile)
        guard let setpriv else { return command }
        var prefix = [setpriv, "--pdeathsig", "KILL"]
        if let user = unprivilegedUser {
            prefix += ["--reuid=\(user.uid)", "--regid=\(user.gid)", "--clear-groups"]
        }
        return prefix + ["--"] + command
    }

    static func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }
}

/// What has to be cleared away when this process exits: servers that live as long as it does have no other end.
enum Leftovers {
    /// `@unchecked`: `folders` is touched under the lock alone.
    private final class Registry: @unchecked Sendable {
        private let lock = NSLock()
        private var folders: [String: ChildProcess] = [:]

        func with<T>(_ body: (inout [String: ChildProcess]) -> T) -> T { lock.withLock { body(&folders) } }
    }

    private static let registry: Registry = {
        atexit { Leftovers.removeAll() }
        return Registry()
    }()

    static func add(_ server: ChildProcess, folder: String) {
        registry.with { $0[folder] = server }
    }

    static func remove(_ server: ChildProcess, folder: String) {
        // The postmaster ends its children on this one, where they would outlive a SIGKILL for a moment.
        server.kill(SIGQUIT)
        if !server.waitForEnd(5) {
            server.kill(SIGKILL)
            _ = server.waitForEnd(5)
        }
        try? FileManager.default.removeItem(atPath: folder)
        registry.with { $0[folder] = nil }
    }

    private static func removeAll() {
        for (folder, server) in registry.with({ $0 }) { remove(server, folder: folder) }
    }
}
