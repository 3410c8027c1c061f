// BlockDecoder.java - answers of a block-diffusion model (SDAR, Fast-dLLM v2) out of a .pte file that dlx export
// wrote, by the stock ExecuTorch runtime for Android. Ids in, ids out. The twin of cpp/block_decoder.cpp, which
// says why it works; both go through the one method "denoise".
package org.diffulex.edge;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.pytorch.executorch.EValue;
import org.pytorch.executorch.Module;
import org.pytorch.executorch.Tensor;

public final class BlockDecoder {
    /** Told of every token in the order in which it is decided. */
    public interface OnToken {
        void token(int position, long id);
    }

    private final Module module;
    private final long maskId;
    private final int block;
    private final int subBlock;
    private final int context;
    private final boolean shifts; // row i - 1 tells the token of position i
    private final double threshold;
    private final long[] stopIds;

    /** path: the file on the device, as from getFilesDir() or external storage; assets have no path. */
    public BlockDecoder(String path) {
        module = Module.load(path, Module.LOAD_MODE_MMAP);
        maskId = number("get_mask_token_id");
        block = (int) number("get_block_size");
        shifts = module.execute("get_shift_logits")[0].toBool();
        subBlock = shifts ? (int) number("get_sub_block_size") : block;
        context = (int) number("get_max_context_len");
        threshold = module.execute("get_threshold")[0].toDouble();
        EValue[] stops = module.execute("get_eos_ids");
        stopIds = new long[stops.length];
        for (int i = 0; i < stops.length; i++) {
            stopIds[i] = stops[i].toInt();
        }
    }

    private long number(String method) {
        return module.execute(method)[0].toInt();
    }

    /** What chosen rows of a pass decide. */
    private static final class Choices {
        final long[] ids;
        final float[] logits;
        final float[] logSums;

        Choices(EValue[] values) {
            ids = values[0].toTensor().getDataAsLongArray();
            logits = values[1].toTensor().getDataAsFloatArray();
            logSums = values[2].toTensor().getDataAsFloatArray();
        }

        double probability(int i) {
            return Math.exp(logits[i] - logSums[i]);
        }
    }

    private static EValue longs(long[] values, long... shape) {
        return EValue.from(Tensor.fromBlob(values, shape));
    }

    private Choices pass(long[] tokens, int start, long[] rows) {
        return new Choices(
                module.execute(
                        "denoise",
                        longs(tokens, 1, tokens.length),
                        longs(new long[] {start}, 1),
                        longs(rows, rows.length)));
    }

    /** Masked positions of the first sub-block that has any. */
    private int[] maskedRows(long[] tokens) {
        int[] rows = new int[block];
        int n = 0;
        for (int i = 0; i < tokens.length && (n == 0 || i % subBlock != 0); i++) {
            if (tokens[i] == maskId) {
                rows[n++] = i;
            }
        }
        return Arrays.copyOf(rows, n);
    }

    /** One pass: every token that is sure enough, the surest in any case. False: no mask was left. */
    private boolean reveal(long[] tokens, int start, OnToken onToken) {
        int[] masked = maskedRows(tokens);
        if (masked.length == 0) {
            return false;
        }
        long[] rows = new long[masked.length];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = masked[i] - (shifts ? 1 : 0);
        }
        Choices choices = pass(tokens, start, rows);
        int surest = 0;
        for (int i = 1; i < rows.length; i++) {
            surest = choices.probability(i) > choices.probability(surest) ? i : surest;
        }
        for (int i = 0; i < rows.length; i++) {
            if (i == surest || choices.probability(i) > threshold) {
                tokens[masked[i]] = choices.ids[i];
                onToken.token(start + masked[i], choices.ids[i]);
            }
        }
        return true;
    }

    private boolean isStop(long id) {
        for (long stop : stopIds) {
            if (stop == id) {
                return true;
            }
        }
        return false;
    }

    private boolean hasStop(long[] tokens, int from) {
        for (int i = from; i < tokens.length; i++) {
            if (isStop(tokens[i])) {
                return true;
            }
        }
        return false;
    }

    /** The ids behind prompt, up to the first stop id or maxTokens. */
    public List<Long> generate(long[] prompt, int maxTokens, OnToken onToken) {
        int end = prompt.length + maxTokens;
        if (prompt.length == 0 || (end + block - 1) / block * block > context) {
            throw new IllegalArgumentException(
                    "expected a prompt, and prompt and answer within " + context + " positions");
        }
        List<Long> answer = new ArrayList<>();
        long seed = maskId;
        boolean stopped = false;
        for (int start = 0; start < end && !stopped; start += block) {
            int known = Math.min(block, Math.max(prompt.length - start, 0));
            long[] tokens = new long[block];
            Arrays.fill(tokens, maskId);
            System.arraycopy(prompt, Math.min(start, prompt.length), tokens, 0, known);
            if (known == 0 && seed != maskId) { // the block before told the first
                tokens[0] = seed;
                onToken.token(start, seed);
            }
            boolean masked = true;
            while (masked) {
                masked = reveal(tokens, start, onToken);
            }
            stopped = hasStop(tokens, known);
            if (!stopped && start + block < end) { // commits the block
                Choices last = pass(tokens, start, new long[] {block - 1});
                seed = shifts ? last.ids[0] : maskId;
            }
            for (int i = known; i < block; i++) {
                answer.add(tokens[i]);
            }
        }
        int n = 0;
        while (n < Math.min(maxTokens, answer.size()) && !isStop(answer.get(n))) {
            n++;
        }
        return answer.subList(0, n);
    }
}
