// BlockDecoder.swift - block diffusion with Core ML alone: a package that `dlx export --backend
// coreml --cache io` wrote of SDAR, whose rows predict themselves. Nothing of DiffuLex Edge is needed
// here.
import CoreML

struct DecoderError: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

/// What a package says of itself.
struct Facts {
    let values: [String: String]

    func int(_ key: String) throws -> Int {
        guard let text = values["dlx." + key], let x = Int(text) else {
            throw DecoderError("the package does not say dlx.\(key): write it with dlx export")
        }
        return x
    }

    var units: MLComputeUnits {
        switch values["dlx.compute_unit"] {
        case "cpu-only": return .cpuOnly
        case "cpu-and-gpu": return .cpuAndGPU
        case "cpu-and-ne": return .cpuAndNeuralEngine
        default: return .all
        }
    }

    var stops: [Int] { (values["dlx.stop_ids"] ?? "").split(separator: ",").compactMap { Int($0) } }
}

final class BlockDecoder {
    let facts: Facts
    private let denoise: MLModel
    private var past: [String: MLMultiArray] = [:]  // [1, heads, context, size] of K and V
    private let block, context, headRows, heads, size: Int
    private let theta: Double
    private let compiled: URL

    /// Compiling takes from seconds to minutes: an application keeps what it gets, and removes it when
    /// it is no longer needed, as this class does.
    init(package: URL) throws {
        try BlockDecoder.check(package)
        let compiled = try MLModel.compileModel(at: package)
        self.compiled = compiled
        var opened = false
        defer { if !opened { try? FileManager.default.removeItem(at: compiled) } }
        let first = try BlockDecoder.load(compiled, "logits", .cpuOnly)  // small: for the facts
        let told = first.modelDescription.metadata[.creatorDefinedKey] as? [String: String] ?? [:]
        facts = Facts(values: told)
        denoise = try BlockDecoder.load(compiled, "denoise", facts.units)
        block = try facts.int("block_length")
        context = try facts.int("n_ctx")
        heads = try facts.int("n_heads_kv")
        size = try facts.int("head_dim")
        theta = Double(told["dlx.rope_theta"] ?? "") ?? 10000
        guard let rows = BlockDecoder.shape(denoise, "head_rows").first else {
            throw DecoderError("the function denoise has no head: write the package with dlx export")
        }
        headRows = rows.intValue
        for name in denoise.modelDescription.inputDescriptionsByName.keys where name.hasPrefix("past_") {
            past[name] = try BlockDecoder.zeros(denoise, name)
        }
        opened = true
    }

    deinit { try? FileManager.default.removeItem(at: compiled) }

    /// Refuses packages that this example cannot decode with, before anything is compiled: an entry of the
    /// metadata is its key, then its value, each behind its length.
    private static func check(_ package: URL) throws {
        let told = try Data(contentsOf: package.appendingPathComponent("Data/com.apple.CoreML/model.mlmodel"))
        func says(_ key: String, _ value: String) -> Bool {
            let entry = [10, UInt8(key.utf8.count)] + Array(key.utf8) + [18, UInt8(value.utf8.count)] + Array(value.utf8)
            return told.range(of: Data(entry)) != nil
        }
        guard says("dlx.cache", "io") else {
            throw DecoderError("expected a package that was exported with --cache io")
        }
        guard says("dlx.visibility", "block_causal"), says("dlx.shift_logits", "0") else {
            throw DecoderError("this example is for families that decode in blocks and whose rows predict themselves, such as SDAR")
        }
    }

    private static func load(_ url: URL, _ function: String, _ units: MLComputeUnits) throws -> MLModel {
        let c = MLModelConfiguration()
        c.functionName = function
        c.computeUnits = units
        return try MLModel(contentsOf: url, configuration: c)
    }

    private static func shape(_ model: MLModel, _ input: String) -> [NSNumber] {
        model.modelDescription.inputDescriptionsByName[input]?.multiArrayConstraint?.shape ?? []
    }

    private static func zeros(_ model: MLModel, _ input: String) throws -> MLMultiArray {
        guard let c = model.modelDescription.inputDescriptionsByName[input]?.multiArrayConstraint else {
            throw DecoderError("the function has no input \(input)")
        }
        let a = try MLMultiArray(shape: c.shape, dataType: c.dataType)
        memset(a.dataPointer, 0, a.count * (c.dataType == .float16 ? 2 : 4))
        return a
    }

    struct Choice {
        let id: Int
        let probability: Float
    }

    /// A pass of the block that begins at `start`. Asks about `rows` of it, at most `headRows`;
    /// keeps K and V if told so: then the ids must be final.
    private func pass(_ ids: [Int], start: Int, rows: [Int], keep: Bool) throws -> [Choice] {
        var inputs: [String: Any] = past
        for name in ["input_ids", "cos", "sin", "mask", "head_rows"] {
            inputs[name] = try BlockDecoder.zeros(denoise, name)
        }
        fill(inputs["input_ids"] as! MLMultiArray, ids)
        fill(inputs["head_rows"] as! MLMultiArray, rows)
        turn(inputs["cos"] as! MLMultiArray, start) { cos($0) }
        turn(inputs["sin"] as! MLMultiArray, start) { sin($0) }
        // Columns: the context, of which `start` positions are there, then the rows, all of them.
        (inputs["mask"] as! MLMultiArray).withUnsafeMutableBufferPointer(ofType: Float16.self) { p, _ in
            for row in 0..<block {
                for column in start..<context { p[row * (context + block) + column] = -10000 }
            }
        }
        let out = try denoise.prediction(from: MLDictionaryFeatureProvider(dictionary: inputs))
        if keep { try keepRows(out, start) }
        guard let best = out.featureValue(for: "output_best")?.multiArrayValue,
            let logit = out.featureValue(for: "output_logit")?.multiArrayValue,
            let lse = out.featureValue(for: "output_lse")?.multiArrayValue
        else { throw DecoderError("the function does not choose") }
        return try rows.indices.map {
            let probability = exp(logit[$0].floatValue - lse[$0].floatValue)
            guard probability.isFinite else {  // or no row would ever be sure
                throw DecoderError("row \(start + rows[$0]) is no number: the model overflows fp16 on this device")
            }
            return Choice(id: best[$0].intValue, probability: probability)
        }
    }

    private func fill(_ a: MLMultiArray, _ x: [Int]) {
        a.withUnsafeMutableBufferPointer(ofType: Int32.self) { p, _ in
            for i in x.indices { p[i] = Int32(x[i]) }
        }
    }

    private func turn(_ a: MLMultiArray, _ start: Int, _ f: (Double) -> Double) {
        a.withUnsafeMutableBufferPointer(ofType: Float16.self) { p, _ in
            for row in 0..<block {
                for j in 0..<size / 2 {
                    let angle = Double(start + row) * pow(theta, -2 * Double(j) / Double(size))
                    p[row * size + j] = Float16(f(angle))
                    p[row * size + j + size / 2] = Float16(f(angle))
                }
            }
        }
    }

    private func keepRows(_ out: MLFeatureProvider, _ start: Int) throws {
        for (name, kept) in past {
            guard let new = out.featureValue(for: "output_new_" + name.dropFirst(5))?.multiArrayValue else {
                throw DecoderError("the function does not give \(name) back")
            }
            let strides = new.strides.map { $0.intValue }
            new.withUnsafeBufferPointer(ofType: Float16.self) { from in
                kept.withUnsafeMutableBufferPointer(ofType: Float16.self) { to, _ in
                    for h in 0..<heads {
                        for row in 0..<block {
                            for i in 0..<size {
                                to[(h * context + start + row) * size + i] =
                                    from[h * strides[1] + row * strides[2] + i * strides[3]]
                            }
                        }
                    }
                }
            }
        }
    }

    /// Continues `prompt` by at most `length` tokens; `heard` gets every token when it is decided.
    func generate(_ prompt: [Int], length: Int, threshold: Float, heard: (Int, Int) -> Void) throws -> [Int] {
        let mask = try facts.int("mask_id")
        let end = (prompt.count + length + block - 1) / block * block
        guard end <= context else { throw DecoderError("\(end) positions, and the package has \(context)") }
        var canvas = prompt + Array(repeating: mask, count: end - prompt.count)
        for start in stride(from: 0, to: end, by: block) {
            while true {
                let ids = Array(canvas[start..<start + block])
                let open = ids.indices.filter { start + $0 >= prompt.count && ids[$0] == mask }
                let asked = Array(open.prefix(headRows))
                let said = try pass(ids, start: start, rows: asked, keep: open.isEmpty)
                if open.isEmpty { break }  // decided, and kept as it is now
                let sure = said.map { $0.probability }.max() ?? 0
                for (row, choice) in zip(asked, said)
                where choice.probability >= threshold || choice.probability == sure {
                    canvas[start + row] = choice.id
                    heard(start + row, choice.id)
                }
            }
            if let stop = canvas[..<(start + block)].dropFirst(prompt.count).firstIndex(where: facts.stops.contains) {
                return Array(canvas[prompt.count..<stop])
            }
        }
        return Array(canvas[prompt.count..<min(end, prompt.count + length)])
    }
}
