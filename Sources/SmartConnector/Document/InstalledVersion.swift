extension Integration {
    /// What a document says of the installed version.
    public enum InstalledVersion: Sendable, Equatable {
        /// Nothing: there is no `version`, or it is `null`.
        case none
        /// This version. Blanks around it and a leading `v` do no harm.
        case version(ConnectorVersion)
        /// This JSON, which is no version: nobody can say what is older and what newer.
        case unreadable(String)

        /// What a `version` says, wherever it stands.
        package init(_ json: JSON?) {
            guard let json, !json.isNull else {
                self = .none
                return
            }
            self = json.string.flatMap(ConnectorVersion.init(written:)).map(Self.version) ?? .unreadable(json.text())
        }

        /// The version, where there is one and it can be read.
        package var readable: ConnectorVersion? {
            if case .version(let version) = self { version } else { nil }
        }
    }

    /// The installed version of the connector, and whether that can be read at all.
    public var installedVersion: InstalledVersion { InstalledVersion(self["version"]) }

    /// The installed version of the connector, or nil where there is none or it is no version; ``installedVersion``
    /// tells these apart.
    public var version: ConnectorVersion? {
        get { installedVersion.readable }
        set { self["version"] = newValue.map { JSON($0.description) } }
    }
}

extension ConnectorVersion {
    /// Reads a version as people and other programs write it into documents: with blanks around it, with a `v` before it.
    fileprivate init?(written text: String) {
        var text = Substring(text)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        if text.first == "v" || text.first == "V" { text.removeFirst() }
        self.init(String(text))
    }
}
