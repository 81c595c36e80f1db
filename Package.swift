// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "SmartConnector",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "SmartConnector", targets: ["SmartConnector"]),
        .library(name: "SmartConnectorWire", targets: ["SmartConnectorWire"]),
        .library(name: "SmartConnectorSQL", targets: ["SmartConnectorSQL"]),
        .library(name: "SmartConnectorSQLite", targets: ["SmartConnectorSQLite"]),
        .library(name: "SmartConnectorPostgres", targets: ["SmartConnectorPostgres"]),
        .library(name: "SmartConnectorHTTP", targets: ["SmartConnectorHTTP"]),
        .library(name: "SmartConnectorServer", targets: ["SmartConnectorServer"]),
        .library(name: "SmartConnectorTesting", targets: ["SmartConnectorTesting"]),
        .library(name: "SmartConnectorCLI", targets: ["SmartConnectorCLI"]),
        .executable(name: "smartconnector", targets: ["smartconnector"]),
        .executable(name: "bigcommerce-netsuite", targets: ["bigcommerce-netsuite"]),
        .executable(name: "shop-ledger", targets: ["shop-ledger"]),
        .executable(name: "many-installations", targets: ["many-installations"]),
    ],
    dependencies: [],
    targets: [
        // What ships, from the ground up: each knows only those above it in this list.
        .target(name: "SmartConnector"),
        .systemLibrary(
            name: "CZlib", path: "Sources/System/Zlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]
        ),
        .target(name: "SmartConnectorWire", dependencies: ["SmartConnector", "CZlib"]),
        .systemLibrary(
            name: "CCurl", path: "Sources/System/Curl",
            pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"]), .brew(["curl"])]
        ),
        .target(name: "SmartConnectorHTTP", dependencies: ["SmartConnector", "SmartConnectorWire", "CCurl"]),
        .systemLibrary(
            name: "CGnuTLS", path: "Sources/System/GnuTLS",
            pkgConfig: "gnutls",
            providers: [.apt(["libgnutls28-dev"]), .brew(["gnutls"])]
        ),
        .systemLibrary(name: "CPolling", path: "Sources/System/Polling"),
        .target(
            name: "SmartConnectorServer",
            dependencies: ["SmartConnector", "SmartConnectorWire", "CGnuTLS", "CPolling"],
            resources: ["icon.svg", "page.css", "page.html", "page.js", "parts.js", "wizard.js"].map {
                .embedInCode("Page/Resources/\($0)")
            }
        ),
        .target(name: "SmartConnectorSQL", dependencies: ["SmartConnector"]),
        .systemLibrary(
            name: "CSQLite", path: "Sources/System/SQLite",
            pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]
        ),
        .target(name: "SmartConnectorSQLite", dependencies: ["SmartConnector", "SmartConnectorSQL", "CSQLite"]),
        .systemLibrary(
            name: "CPostgres", path: "Sources/System/Postgres",
            pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]
        ),
        .target(name: "SmartConnectorPostgres", dependencies: ["SmartConnector", "SmartConnectorSQL", "CPostgres"]),
        .target(name: "SmartConnectorTesting", dependencies: ["SmartConnector"]),
        .target(
            name: "SmartConnectorCLI",
            dependencies: [
                "SmartConnector", "SmartConnectorHTTP", "SmartConnectorPostgres", "SmartConnectorSQL",
                "SmartConnectorSQLite", "SmartConnectorServer", "SmartConnectorWire",
            ],
            resources: [.embedInCode("Resources/integration.json"), .embedInCode("Resources/integration-schema.json")]
        ),
        .executableTarget(name: "smartconnector", dependencies: ["SmartConnectorCLI"]),
        .executableTarget(
            name: "bigcommerce-netsuite",
            dependencies: ["SmartConnector", "SmartConnectorCLI"],
            path: "Examples/BigCommerceNetSuite",
            exclude: ["README.md", "graph.svg", "history.svg", "integration.json"]
        ),
        .executableTarget(
            name: "shop-ledger",
            dependencies: ["SmartConnector", "SmartConnectorCLI", "SmartConnectorWire"],
            path: "Examples/ShopLedger",
            exclude: ["README.md", "integration.json"]
        ),
        .executableTarget(
            name: "many-installations",
            dependencies: ["SmartConnector", "SmartConnectorSQLite"],
            path: "Examples/ManyInstallations",
            exclude: ["README.md"]
        ),
        .executableTarget(name: "plain-sockets", dependencies: ["SmartConnectorHTTP"], path: "Examples/PlainSockets"),

        // What developers start.
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "SmartConnector", "SmartConnectorPostgres", "SmartConnectorSQL", "SmartConnectorServer",
                "SmartConnectorSQLite", "SmartConnectorTesting", "SmartConnectorWire",
            ],
            path: "Tests/Tools/Benchmarks"
        ),
        .executableTarget(
            name: "simulate", dependencies: ["SmartConnector", "SmartConnectorTesting"], path: "Tests/Tools/Simulate"
        ),
        .executableTarget(
            name: "crash-matrix",
            dependencies: [
                "SmartConnector", "SmartConnectorCLI", "SmartConnectorSQL", "SmartConnectorSQLite",
                "SmartConnectorPostgres", "SmartConnectorWire", "PostgresServer", "Processes",
            ],
            path: "Tests/Tools/CrashMatrix"
        ),

        // What tests have in common.
        .target(name: "Processes", path: "Tests/Support/Processes"),
        .target(name: "Limits", dependencies: ["Processes"], path: "Tests/Support/Limits"),
        .target(name: "Loopback", dependencies: ["SmartConnector", "Processes"], path: "Tests/Support/Loopback"),
        .target(
            name: "Browser", dependencies: ["Processes", "SmartConnector", "SmartConnectorHTTP", "SmartConnectorWire"],
            path: "Tests/Support/Browser"
        ),
        .target(
            name: "PostgresServer", dependencies: ["Loopback", "Processes"], path: "Tests/Support/PostgresServer"
        ),
        .target(
            name: "EarlierSchemas", dependencies: ["SmartConnectorSQL", "SmartConnectorTesting"],
            path: "Tests/Support/EarlierSchemas", exclude: ["FirstRelease.sql", "FirstRelease.sqlite"]
        ),

        .testTarget(
            name: "SmartConnectorTests",
            dependencies: ["SmartConnector", "SmartConnectorTesting", "SmartConnectorWire", "Limits"],
            exclude: ["Fixtures"]
        ),
        .testTarget(
            name: "SmartConnectorSQLiteTests",
            dependencies: [
                "SmartConnector", "SmartConnectorSQL", "SmartConnectorSQLite", "SmartConnectorTesting", "CSQLite",
                "EarlierSchemas", "Limits",
            ]
        ),
        .testTarget(
            name: "SmartConnectorPostgresTests",
            dependencies: [
                "SmartConnector", "SmartConnectorPostgres", "SmartConnectorSQL", "SmartConnectorTesting",
                "EarlierSchemas", "Limits", "Loopback", "PostgresServer", "Processes",
            ]
        ),
        .testTarget(
            name: "SmartConnectorServerTests",
            dependencies: [
                "SmartConnector", "SmartConnectorHTTP", "SmartConnectorSQLite", "SmartConnectorServer",
                "SmartConnectorTesting", "SmartConnectorWire", "Browser", "Limits", "Loopback", "Processes",
            ],
            exclude: ["Fixtures"]
        ),
        .testTarget(
            name: "SmartConnectorHTTPTests",
            dependencies: [
                "SmartConnector", "SmartConnectorHTTP", "SmartConnectorServer", "SmartConnectorTesting",
                "SmartConnectorWire", "Limits", "Loopback", "Processes",
            ]
        ),
        .testTarget(
            name: "SmartConnectorTestingTests", dependencies: ["SmartConnector", "SmartConnectorTesting", "Limits"]
        ),
        .testTarget(
            name: "SmartConnectorCLITests",
            dependencies: [
                "SmartConnector", "SmartConnectorCLI", "SmartConnectorPostgres", "SmartConnectorSQL",
                "SmartConnectorSQLite", "SmartConnectorServer", "SmartConnectorTesting", "SmartConnectorWire",
                "Browser", "Limits", "Loopback", "PostgresServer", "Processes", "smartconnector",
                "bigcommerce-netsuite", "many-installations", "plain-sockets", "shop-ledger",
            ],
            exclude: ["Snapshots"]
        ),
        .testTarget(name: "LimitsTests", dependencies: ["Limits", "Processes"]),
        .testTarget(name: "CrashMatrixTests", dependencies: ["Limits", "Processes", "crash-matrix"]),
    ],
    swiftLanguageModes: [.v6]
)

let isUnderThreadSanitizer = Context.environment["SMARTCONNECTOR_THREAD_SANITIZER"] != nil

// Of all tests those are run there that have to do with threads: what they are not on need not be built.
if isUnderThreadSanitizer {
    var needed: Set = [
        "SmartConnectorTests", "SmartConnectorTestingTests", "SmartConnectorHTTPTests", "SmartConnectorServerTests",
    ]
    var count = 0
    while count < needed.count {
        count = needed.count
        for target in package.targets where needed.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies { needed.insert(name) }
        }
    }
    package.products = []
    package.targets.removeAll { !needed.contains($0.name) }
}

for target in package.targets where target.type != .system {
    var settings = target.swiftSettings ?? []
    settings += [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
    if Context.environment["SMARTCONNECTOR_STRICT"] != nil {
        settings.append(.treatAllWarnings(as: .error))
    }
    if isUnderThreadSanitizer {
        settings.append(.define("THREAD_SANITIZER"))
    }
    target.swiftSettings = settings
}
