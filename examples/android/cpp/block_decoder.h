// block_decoder.h - answers of a block-diffusion model (SDAR, Fast-dLLM v2) out of a .pte file that
// dlx export wrote, by nothing but the stock ExecuTorch runtime. Ids in, ids out: the tokenizer is
// the application's.
#pragma once

#include <executorch/extension/module/module.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

class BlockDecoder
{
  public:
    // Throws std::runtime_error with a sentence when the file cannot be decoded this way.
    explicit BlockDecoder(const std::string &path);

    // Tells every token in the order in which it is decided: its position and its id.
    using OnToken = std::function<void(int64_t position, int64_t id)>;

    // The ids behind `prompt`, up to the first stop id or `max_tokens`.
    std::vector<int64_t> generate(const std::vector<int64_t> &prompt, size_t max_tokens,
                                  const OnToken &on_token = nullptr);

    size_t passes() const
    {
        return passes_;
    } // of the last answer

  private:
    struct Choice {
        int64_t id;
        float probability;
    };

    int64_t number(const char *method, int64_t fallback);
    std::vector<Choice> pass(const std::vector<int64_t> &tokens, int64_t start,
                             const std::vector<int64_t> &rows);
    std::vector<int64_t> masked_rows(const std::vector<int64_t> &block) const;
    bool reveal(std::vector<int64_t> &block, int64_t start, const OnToken &on_token);
    bool has_stop(const std::vector<int64_t> &ids) const;

    executorch::extension::Module module_;
    std::vector<int64_t> stop_ids_;
    int64_t mask_id_ = 0, block_ = 0, sub_block_ = 0, context_ = 0;
    bool shifts_ = false; // row i - 1 tells the token of position i
    double threshold_ = 0.9;
    size_t passes_ = 0;
};
