import SmartConnectorWire

/// A file of the page, which is a part of the program.
struct PageAsset: Sendable {
    let type: String
    let bytes: [UInt8]
    let tag: String

    private init(_ type: String, _ bytes: [UInt8]) {
        (self.type, self.bytes) = (type, bytes)
        // FNV-1a: tells one version of a file from another.
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        tag = "\"\(String(hash, radix: 16))\""
    }

    private static let all = [
        "/": PageAsset("text/html; charset=utf-8", PackageResources.page_html),
        "/page/page.css": PageAsset("text/css; charset=utf-8", PackageResources.page_css),
        "/page/page.js": PageAsset("text/javascript; charset=utf-8", PackageResources.page_js),
        "/page/parts.js": PageAsset("text/javascript; charset=utf-8", PackageResources.parts_js),
        "/page/wizard.js": PageAsset("text/javascript; charset=utf-8", PackageResources.wizard_js),
        "/page/icon.svg": PageAsset("image/svg+xml", PackageResources.icon_svg),
    ]

    static func named(_ path: String) -> PageAsset? { all[path] }

    func response(to request: HTTPRequest) -> HTTPResponse {
        // Kept by browsers, and asked for each time whether it is still the same.
        let headers = [
            HTTPRequest.Field("Content-Type", type), HTTPRequest.Field("Cache-Control", "no-cache"),
            HTTPRequest.Field("ETag", tag), HTTPRequest.Field("Vary", "Accept"),
        ]
        if request.header("If-None-Match") == tag { return HTTPResponse(status: 304, headers: headers) }
        return HTTPResponse(status: 200, headers: headers, body: bytes)
    }
}
