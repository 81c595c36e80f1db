/// What a client trusts, how long it waits, and how much it takes from whoever answers.
///
/// Proxies are those of the environment: `https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`.
public struct ConnectionOptions: Sendable, Equatable {
    /// A file of certificates in PEM, of those who may vouch for a server, instead of the system's. Nil for those that
    /// `SSL_CERT_FILE` of the environment names, or else the system's.
    public var certificateFile: String?
    /// How long it may take until there is a connection: name, address, TLS.
    public var connecting = Duration.seconds(15)
    /// How long it may take from the beginning of a request to the first byte of its answer. Nil for as long as the request
    /// may take as a whole.
    public var firstByte: Duration?
    /// An answer that has begun and comes slower than this, in bytes a second over ``slowWindow``, is given up.
    public var slowest = 100
    /// How long an answer may be slow.
    public var slowWindow = Duration.seconds(30)
    /// The most bytes that an answer may have, counted when they are decompressed.
    public var largestAnswer = 64 << 20

    /// Options that are right for integrator.io and for stacks.
    public init() {}
}
