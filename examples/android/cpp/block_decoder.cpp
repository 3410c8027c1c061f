// block_decoder.cpp - everything goes through the one method `denoise`: a pass writes keys and
// values of its rows behind those that earlier passes left, sees them all, and tells what chosen
// rows decide. What a later pass writes at the same positions replaces it, so nothing needs to be
// undone: the pass over a finished block commits it.
#include "block_decoder.h"

#include <executorch/extension/tensor/tensor.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

using executorch::extension::from_blob;
using executorch::extension::Module;
using executorch::runtime::EValue;
using SizesType = executorch::aten::SizesType;
using ScalarType = executorch::aten::ScalarType;

BlockDecoder::BlockDecoder(const std::string &path) : module_(path, Module::LoadMode::Mmap)
{
    const auto names = module_.method_names();
    if (!names.ok() || names->count("denoise") == 0 || names->count("get_block_size") == 0)
        throw std::runtime_error(
            path + ": expected a program of a block-diffusion model with a method denoise "
                   "(dlx export MODEL OUT.pte), found another one");
    mask_id_ = number("get_mask_token_id", -1);
    block_ = number("get_block_size", 0);
    sub_block_ = number("get_sub_block_size", block_);
    context_ = number("get_max_context_len", 0);
    shifts_ = number("get_shift_logits", 0) != 0;
    const auto threshold = module_.get("get_threshold");
    if (threshold.ok() && threshold->isDouble())
        threshold_ = threshold->toDouble();
    const auto stops = module_.execute("get_eos_ids");
    if (stops.ok())
        for (const auto &id : *stops)
            stop_ids_.push_back(id.toInt());
}

// What a constant method returns: a number, or true and false as 1 and 0.
int64_t BlockDecoder::number(const char *method, int64_t fallback)
{
    const auto value = module_.get(method);
    if (!value.ok())
        return fallback;
    return value->isBool() ? value->toBool() : value->toInt();
}

std::vector<BlockDecoder::Choice> BlockDecoder::pass(const std::vector<int64_t> &tokens,
                                                     int64_t start,
                                                     const std::vector<int64_t> &rows)
{
    auto ids = tokens;
    auto at = start;
    auto chosen = rows;
    const auto result = module_.execute(
        "denoise",
        {EValue(from_blob(ids.data(), {1, SizesType(ids.size())}, ScalarType::Long)),
         EValue(from_blob(&at, {1}, ScalarType::Long)),
         EValue(from_blob(chosen.data(), {SizesType(chosen.size())}, ScalarType::Long))});
    if (!result.ok())
        throw std::runtime_error("the pass failed: runtime error " +
                                 std::to_string(int(result.error())));
    passes_++;
    const auto *best = (*result)[0].toTensor().const_data_ptr<int64_t>();
    const auto *logit = (*result)[1].toTensor().const_data_ptr<float>();
    const auto *log_sum = (*result)[2].toTensor().const_data_ptr<float>();
    std::vector<Choice> choices;
    for (size_t i = 0; i < rows.size(); i++)
        choices.push_back({best[i], std::exp(logit[i] - log_sum[i])});
    return choices;
}

// Masked positions of the first sub-block that has any.
std::vector<int64_t> BlockDecoder::masked_rows(const std::vector<int64_t> &block) const
{
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < int64_t(block.size()); i++) {
        if (i % sub_block_ == 0 && !rows.empty())
            break;
        if (block[i] == mask_id_)
            rows.push_back(i);
    }
    return rows;
}

// One pass over the block: every token that is sure enough is revealed, the surest one in any case.
// False: there was no mask left.
bool BlockDecoder::reveal(std::vector<int64_t> &block, int64_t start, const OnToken &on_token)
{
    const auto masked = masked_rows(block);
    if (masked.empty())
        return false;
    auto rows = masked;
    for (auto &row : rows)
        row -= shifts_ ? 1 : 0;
    const auto choices = pass(block, start, rows);
    const auto surest =
        std::max_element(choices.begin(), choices.end(), [](const Choice &a, const Choice &b) {
            return a.probability < b.probability;
        });
    for (size_t i = 0; i < masked.size(); i++)
        if (choices[i].probability > threshold_ || &choices[i] == &*surest) {
            block[masked[i]] = choices[i].id;
            if (on_token)
                on_token(start + masked[i], choices[i].id);
        }
    return true;
}

bool BlockDecoder::has_stop(const std::vector<int64_t> &ids) const
{
    return std::any_of(ids.begin(), ids.end(), [this](int64_t id) {
        return std::find(stop_ids_.begin(), stop_ids_.end(), id) != stop_ids_.end();
    });
}

std::vector<int64_t> BlockDecoder::generate(const std::vector<int64_t> &prompt, size_t max_tokens,
                                            const OnToken &on_token)
{
    std::vector<int64_t> answer;
    const int64_t end = int64_t(prompt.size() + max_tokens);
    if (prompt.empty())
        throw std::runtime_error("expected a prompt of one id or more, found none");
    if ((end + block_ - 1) / block_ * block_ > context_)
        throw std::runtime_error("prompt and answer need " + std::to_string(end) +
                                 " positions, the program has " + std::to_string(context_) +
                                 ": export it with a larger --ctx");
    int64_t start = 0, seed = mask_id_;
    bool stopped = false;
    passes_ = 0;
    // A block of the prompt is committed as it is; others are revealed first.
    for (; start < end && !stopped; start += block_) {
        const int64_t known =
            std::min(block_, std::max<int64_t>(int64_t(prompt.size()) - start, 0));
        std::vector<int64_t> block(block_, mask_id_);
        std::copy_n(prompt.begin() + std::min(start, int64_t(prompt.size())), known, block.begin());
        if (known == 0 &&
            seed !=
                mask_id_) { // where rows tell the next position, the block before told the first
            block[0] = seed;
            if (on_token)
                on_token(start, seed);
        }
        while (reveal(block, start, on_token))
            ;
        answer.insert(answer.end(), block.begin() + known, block.end());
        stopped = known < block_ && has_stop({block.begin() + known, block.end()});
        if (!stopped && start + block_ < end) {
            const auto last = pass(block, start, {block_ - 1});
            seed = shifts_ ? last[0].id : mask_id_;
        }
    }
    size_t n = 0;
    while (n < std::min(answer.size(), max_tokens) && !has_stop({answer[n]}))
        n++;
    answer.resize(n);
    return answer;
}
