// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "BlockDecoder",
    platforms: [.macOS(.v15), .iOS(.v18)],
    targets: [.executableTarget(name: "BlockDecoder", path: "Sources/BlockDecoder", swiftSettings: [.swiftLanguageMode(.v5)])]
)
