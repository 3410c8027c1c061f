// main.swift - a command around BlockDecoder: PACKAGE ID,ID,... [LENGTH]
import Foundation

do {
    let words = CommandLine.arguments
    guard words.count >= 3 else { throw DecoderError("usage: BlockDecoder PACKAGE ID,ID,... [LENGTH]") }
    let prompt = words[2].split(separator: ",").compactMap { Int($0) }
    let length = words.count > 3 ? Int(words[3]) ?? 64 : 64
    let decoder = try BlockDecoder(package: URL(fileURLWithPath: words[1]))
    let threshold = Float(decoder.facts.values["dlx.threshold"] ?? "") ?? 0.9
    let start = Date()
    let ids = try decoder.generate(prompt, length: length, threshold: threshold) { position, id in
        FileHandle.standardError.write("\(position): \(id)\n".data(using: .utf8)!)
    }
    print(ids.map(String.init).joined(separator: ","))
    FileHandle.standardError.write("\(ids.count) tokens in \(Date().timeIntervalSince(start)) s\n".data(using: .utf8)!)
} catch {
    FileHandle.standardError.write("\((error as? DecoderError)?.text ?? "\(error)")\n".data(using: .utf8)!)
    exit(1)
}
