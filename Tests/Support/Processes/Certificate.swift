import Foundation

/// A certificate of 127.0.0.1 that vouches for itself, and its key, in files that are there until ``remove()``.
package struct Certificate {
    private let folder: String

    /// Makes one by `openssl`.
    ///
    /// - Parameter key: How its key is made, in `openssl req`'s own words.
    /// - Throws: Where the files cannot be written, or `openssl` fails.
    package init(key: [String] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]) throws {
        folder = NSTemporaryDirectory() + "smartconnector-tls-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let made = ChildProcess.run(
            ["openssl", "req", "-x509"] + key + [
                "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                folder + "/key.pem", "-out", file,
            ])
        guard made.status == 0 else { throw CocoaError(.executableLoad) }
    }

    /// The file of the certificate.
    package var file: String { folder + "/cert.pem" }

    /// The certificate, PEM.
    package var text: String { get throws { try String(contentsOfFile: file, encoding: .utf8) } }

    /// Its key, PEM.
    package var key: String { get throws { try String(contentsOfFile: folder + "/key.pem", encoding: .utf8) } }

    package func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
