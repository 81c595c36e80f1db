// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "SmartConnector",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "SmartConnector", targets: ["SmartConnector"]),
        .library(name: "SmartConnectorSQLite", targets: ["SmartConnectorSQLite"]),
        .library(name: "SmartConnectorPostgres", targets: ["SmartConnectorPostgres"]),
        .library(name: "SmartConnectorHTTP", targets: ["SmartConnectorHTTP"]),
        .library(name: "SmartConnectorServer", targets: ["SmartConnectorServer"]),
        .library(name: "SmartConnectorTesting", targets: ["SmartConnectorTesting"]),
        .library(name: "SmartConnectorCLI", targets: ["SmartConnectorCLI"]),
        .executable(name: "smartconnector", targets: ["smartconnector"]),
        .executable(name: "bigcommerce-netsuite", targets: ["bigcommerce-netsuite"]),
        .executable(name: "simulate", targets: ["simulate"]),
    ],
    dependencies: [],
    targets: [
        .target(name: "SmartConnector"),
        .systemLibrary(
            name: "CSQLite",
            pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]
        ),
        .target(name: "SmartConnectorSQLite", dependencies: ["SmartConnector", "CSQLite"]),
        .systemLibrary(
            name: "CPostgres",
            pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]
        ),
        .target(name: "SmartConnectorPostgres", dependencies: ["SmartConnector", "CPostgres"]),
        .target(name: "Processes"),
        .target(name: "PostgresServer", dependencies: ["Processes"]),
        .target(name: "SmartConnectorHTTP", dependencies: ["SmartConnector"]),
        .systemLibrary(
            name: "CMicrohttpd",
            pkgConfig: "libmicrohttpd",
            providers: [.apt(["libmicrohttpd-dev"]), .brew(["libmicrohttpd"])]
        ),
        .target(name: "SmartConnectorServer", dependencies: ["SmartConnector", "CMicrohttpd"]),
        .target(name: "SmartConnectorTesting", dependencies: ["SmartConnector"]),
        .target(
            name: "SmartConnectorCLI",
            dependencies: [
                "SmartConnector", "SmartConnectorHTTP", "SmartConnectorPostgres", "SmartConnectorSQLite",
                "SmartConnectorServer", "SmartConnectorTesting",
            ],
            resources: [.embedInCode("Resources/integration.json")]
        ),
        .executableTarget(name: "smartconnector", dependencies: ["SmartConnectorCLI"]),
        .executableTarget(
            name: "bigcommerce-netsuite",
            dependencies: ["SmartConnector", "SmartConnectorCLI"],
            path: "Examples/BigCommerceNetSuite",
            exclude: ["README.md", "integration.json"]
        ),
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "SmartConnector", "SmartConnectorPostgres", "SmartConnectorServer", "SmartConnectorSQLite",
                "SmartConnectorTesting",
            ]
        ),
        .executableTarget(name: "simulate", dependencies: ["SmartConnector", "SmartConnectorTesting"]),
        .executableTarget(
            name: "crash-matrix",
            dependencies: [
                "SmartConnector", "SmartConnectorSQLite", "SmartConnectorPostgres", "PostgresServer", "Processes",
            ],
            path: "Sources/CrashMatrix"
        ),
        .testTarget(name: "SmartConnectorTests", dependencies: ["SmartConnector", "SmartConnectorTesting"]),
        .testTarget(
            name: "SmartConnectorSQLiteTests",
            dependencies: ["SmartConnector", "SmartConnectorSQLite", "SmartConnectorTesting", "CSQLite"]
        ),
        .testTarget(
            name: "SmartConnectorPostgresTests",
            dependencies: ["SmartConnector", "SmartConnectorPostgres", "SmartConnectorTesting", "PostgresServer"]
        ),
        .testTarget(
            name: "SmartConnectorServerTests",
            dependencies: [
                "SmartConnector", "SmartConnectorHTTP", "SmartConnectorServer", "SmartConnectorTesting", "Processes",
            ]
        ),
        .testTarget(
            name: "SmartConnectorHTTPTests",
            dependencies: [
                "SmartConnector", "SmartConnectorHTTP", "SmartConnectorServer", "SmartConnectorTesting", "Processes",
            ]
        ),
        .testTarget(name: "SmartConnectorTestingTests", dependencies: ["SmartConnector", "SmartConnectorTesting"]),
        .testTarget(
            name: "SmartConnectorCLITests",
            dependencies: [
                "SmartConnector", "SmartConnectorCLI", "SmartConnectorPostgres", "SmartConnectorSQLite",
                "SmartConnectorServer", "SmartConnectorTesting", "PostgresServer", "Processes", "smartconnector",
                "bigcommerce-netsuite",
            ]
        ),
        .testTarget(name: "CrashMatrixTests", dependencies: ["Processes", "crash-matrix"]),
    ],
    swiftLanguageModes: [.v6]
)

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
    if Context.environment["SMARTCONNECTOR_THREAD_SANITIZER"] != nil {
        settings.append(.define("THREAD_SANITIZER"))
    }
    target.swiftSettings = settings
}
