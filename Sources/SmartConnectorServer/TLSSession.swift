import CGnuTLS

/// The certificate, and which ways of TLS are good enough: the same for all connections.
///
/// `@unchecked Sendable`: nothing of it is changed once it is made, and GnuTLS lets sessions of any thread read both.
final class TLSCredentials: @unchecked Sendable {
    /// TLS 1.2 and 1.3, with keys that nobody has who finds the certificate's later, and ciphers that are sealed as a whole.
    private static let priorities =
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"
        + ":-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

    fileprivate let credentials: gnutls_certificate_credentials_t
    fileprivate let priority: gnutls_priority_t

    init(_ tls: HTTPServer.TLS) throws(ServerError) {
        var credentials: gnutls_certificate_credentials_t?
        var priority: gnutls_priority_t?
        guard gnutls_certificate_allocate_credentials(&credentials) == GNUTLS_E_SUCCESS, let credentials else {
            throw ServerError(.unavailable, "GnuTLS has no memory")
        }
        guard gnutls_priority_init(&priority, Self.priorities, nil) == GNUTLS_E_SUCCESS, let priority else {
            gnutls_certificate_free_credentials(credentials)
            throw ServerError(.unavailable, "this GnuTLS knows no way of TLS that is good enough")
        }
        (self.credentials, self.priority) = (credentials, priority)
        let (certificate, key) = (Array(tls.certificate.utf8), Array(tls.key.value.utf8))
        let status = tls_load(credentials, certificate, UInt32(certificate.count), key, UInt32(key.count))
        guard status >= 0 else {
            throw ServerError(
                .invalidCertificate,
                "the certificate and the key cannot be used (\(String(cString: gnutls_strerror(status)))); both are to be PEM and to match"
            )
        }
    }

    deinit {
        gnutls_priority_deinit(priority)
        gnutls_certificate_free_credentials(credentials)
    }
}

/// TLS on one connection, for the thread that has the connection.
final class TLSSession {
    private let session: gnutls_session_t
    /// Kept for as long as the session reads it.
    private let credentials: TLSCredentials
    private var isOpen = false

    init?(_ credentials: TLSCredentials, socket: Int32) {
        var session: gnutls_session_t?
        guard tls_session_init(&session) == GNUTLS_E_SUCCESS, let session else { return nil }
        self.session = session
        self.credentials = credentials
        guard gnutls_priority_set(session, credentials.priority) == GNUTLS_E_SUCCESS,
            tls_use(session, credentials.credentials) == GNUTLS_E_SUCCESS,
            tls_only_http_1(session) == GNUTLS_E_SUCCESS
        else { return nil }
        gnutls_transport_set_int2(session, socket, socket)
    }

    deinit { gnutls_deinit(session) }

    /// Shakes hands where that is not done yet.
    ///
    /// - Returns: Nil where bytes can be read and written, or else what the socket is waited for, or failed with.
    private func open() -> Transfer? {
        guard !isOpen else { return nil }
        let status = gnutls_handshake(session)
        guard status != GNUTLS_E_SUCCESS else {
            isOpen = true
            return nil
        }
        // What was said without need is passed over.
        guard tls_is_fatal(Int(status)) != 0 else { return waiting }
        // So that the other side can say why.
        _ = gnutls_alert_send_appropriate(session, status)
        return .failed
    }

    private var waiting: Transfer { .waiting(toWrite: tls_wants_to_write(session) != 0) }

    func read(_ buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        if let notYet = open() { return notYet }
        return transfer(gnutls_record_recv(session, buffer.baseAddress, buffer.count))
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
        if let notYet = open() { return notYet }
        return transfer(gnutls_record_send(session, bytes.baseAddress, bytes.count))
    }

    private func transfer(_ count: Int) -> Transfer {
        if count > 0 { return .done(count) }
        if count == 0 { return .ended }
        // A client that wants to shake hands anew on an open connection is not waited for.
        return tls_is_waiting(count) != 0 ? waiting : .failed
    }

    /// Says that nothing more is sent.
    func end() { if isOpen { _ = tls_bye(session) } }
}

/// What came of an attempt to read or to write.
enum Transfer: Equatable {
    /// So many bytes, one at least.
    case done(Int)
    /// Nothing yet: it is to be tried again once the socket can be read, or written.
    case waiting(toWrite: Bool)
    /// The other side sends nothing more.
    case ended
    /// The connection is broken.
    case failed
}
