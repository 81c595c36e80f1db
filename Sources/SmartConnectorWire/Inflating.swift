import CZlib

/// What a request's body is compressed with, as `Content-Encoding` names it.
enum ContentCoding {
    case identity, gzip, deflate

    /// The coding of that name, whatever its case; nil where there is none that is known. No name at all is none at all.
    init?(_ name: String?) {
        switch name?.asciiLowercased.trimmingBlanks {
        case nil, "", "identity": self = .identity
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        case _?: return nil
        }
    }
}

/// Why a compressed body cannot be read.
enum InflateError: Error {
    /// It is no such data, or it is cut off.
    case malformed
    /// There is more in it than is allowed.
    case tooLarge
}

extension [UInt8] {
    /// What was compressed. However much a few bytes swell to, no more than the limit is ever held.
    ///
    /// - Parameters:
    ///   - coding: With what it was compressed. `deflate` is taken with the header of zlib, as it is defined, and bare, as
    ///     some send it.
    ///   - limit: How many bytes there may be in it.
    func inflated(_ coding: ContentCoding, limit: Int) throws(InflateError) -> [UInt8] {
        let windowBits: Int32
        switch coding {
        case .identity: return self
        case .gzip: windowBits = MAX_WBITS + 16
        case .deflate: windowBits = hasZlibHeader ? MAX_WBITS : -MAX_WBITS
        }
        var stream = z_stream()
        guard czlib_inflate_init(&stream, windowBits) == Z_OK else { throw .malformed }
        defer { inflateEnd(&stream) }
        let result = withUnsafeBufferPointer { input in
            // zlib reads there and never writes.
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.avail_in = UInt32(clamping: input.count)
            return Result { () throws(InflateError) in try inflateAll(&stream, coding, limit) }
        }
        return try result.get()
    }

    private var hasZlibHeader: Bool {
        count > 1 && self[0] & 0x0F == 8 && (Int(self[0]) << 8 | Int(self[1])) % 31 == 0
    }
}

/// Inflates all that a stream has before it.
private func inflateAll(
    _ stream: inout z_stream, _ coding: ContentCoding, _ limit: Int
) throws(InflateError) -> [UInt8] {
    var output: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
        let (status, count) = part.withUnsafeMutableBufferPointer { buffer in
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(buffer.count)
            let status = inflate(&stream, Z_NO_FLUSH)
            return (status, buffer.count - Int(stream.avail_out))
        }
        guard output.count + count <= limit else { throw .tooLarge }
        output += part[..<count]
        switch status {
        case Z_OK: continue
        case Z_STREAM_END:
            // gzip may be several, one behind the other. What else stands behind the end is nothing of it.
            guard coding == .gzip, stream.avail_in > 1, let next = stream.next_in, next[0] == 0x1F, next[1] == 0x8B,
                inflateReset(&stream) == Z_OK
            else { return output }
        // No progress: it is cut off.
        case Z_BUF_ERROR: throw .malformed
        default: throw .malformed
        }
    }
}
