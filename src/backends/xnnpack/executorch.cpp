// executorch.cpp - executorch.h over the C++ runtime. Built by `make executorch`, loaded by name.
#include "executorch.h"

#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/backend/options.h>
#include <executorch/runtime/platform/platform.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

// The header of the thread pool is not among those that are installed; the library has it.
namespace executorch::extension::threadpool
{
class ThreadPool
{
  public:
    bool _unsafe_reset_threadpool(uint32_t n_threads);
};
ThreadPool *get_threadpool();
} // namespace executorch::extension::threadpool

using executorch::extension::Module;
using executorch::runtime::Error;
using executorch::runtime::EValue;

struct dlx__et_module {
    std::unique_ptr<Module> module;
    std::vector<executorch::extension::TensorPtr> inputs;
    std::vector<EValue> outputs;
};

namespace
{

// What the runtime logs is for its makers, but for the last error, which belongs into a sentence.
std::mutex last_lock;
std::string last_error;

void keep_error(et_timestamp_t, et_pal_log_level_t level, const char *, const char *, size_t,
                const char *message, size_t length)
{
    if (level != kError && level != kFatal)
        return;
    const std::lock_guard<std::mutex> guard(last_lock);
    last_error.assign(message, length);
}

// A check of the runtime that fails while it computes ends the process. On the calling thread it
// ends the call instead, through the runtime's frames: what was computed is lost, the next call
// begins anew.
void give_up()
{
    throw std::runtime_error("a check of the runtime failed");
}

void take_over_platform()
{
    static std::once_flag once;
    std::call_once(once, [] {
        (void)executorch::runtime::register_pal(executorch::runtime::PalImpl::create(
            nullptr, give_up, nullptr, nullptr, keep_error, nullptr, nullptr, "dlx"));
    });
}

// Methods of one program pack the same weights: once is enough.
void share_packed_weights()
{
    executorch::runtime::BackendOptions<1> options;
    options.set_option("weight_cache_enabled", true);
    (void)executorch::runtime::set_option("XnnpackBackend", options.view());
}

// Sizes that a damaged file asks for may be more than there is: what the runtime throws ends here.
template <typename Call> int without_throwing(Call call)
{
    try {
        return call();
    } catch (const std::exception &e) {
        const std::lock_guard<std::mutex> guard(last_lock);
        if (last_error.empty())
            last_error = e.what();
        return static_cast<int>(Error::Internal);
    }
}

int open_module_or_throw(dlx__et_module **out, const char *path, const char *data_path,
                         int n_threads)
{
    *out = nullptr;
    take_over_platform();
    share_packed_weights();
    if (n_threads > 0)
        if (auto *pool = executorch::extension::threadpool::get_threadpool())
            pool->_unsafe_reset_threadpool(static_cast<uint32_t>(n_threads));
    auto one = std::make_unique<dlx__et_module>();
    const auto mode = Module::LoadMode::Mmap;
    const bool share_state = true;
    one->module =
        data_path ? std::make_unique<Module>(path, std::string(data_path), mode, nullptr, nullptr,
                                             nullptr, share_state)
                  : std::make_unique<Module>(path, mode, nullptr, nullptr, nullptr, share_state);
    const auto error =
        one->module->load(executorch::runtime::Program::Verification::InternalConsistency);
    if (error != Error::Ok)
        return static_cast<int>(error);
    *out = one.release();
    return 0;
}

int open_module(dlx__et_module **out, const char *path, const char *data_path, int n_threads)
{
    return without_throwing([&] { return open_module_or_throw(out, path, data_path, n_threads); });
}

void close_module(dlx__et_module *module)
{
    delete module;
}

dlx__et_tensor describe(const executorch::aten::Tensor &t)
{
    dlx__et_tensor d = {t.mutable_data_ptr(),
                        static_cast<int32_t>(t.scalar_type()),
                        static_cast<int32_t>(t.dim()),
                        {0}};
    for (int i = 0; i < d.n_dims && i < DLX__ET_MAX_DIMS; i++)
        d.dims[i] = static_cast<int32_t>(t.size(i));
    return d;
}

int run_method_or_throw(dlx__et_module *m, const char *method, const dlx__et_tensor *in, int n_in,
                        dlx__et_tensor *out, int max_out, int *n_out)
{
    std::vector<EValue> values;
    m->inputs.clear();
    for (int i = 0; i < n_in; i++) {
        std::vector<executorch::aten::SizesType> sizes(in[i].dims, in[i].dims + in[i].n_dims);
        m->inputs.push_back(executorch::extension::from_blob(
            in[i].data, sizes, static_cast<executorch::aten::ScalarType>(in[i].type)));
        values.emplace_back(m->inputs.back());
    }
    auto result = m->module->execute(method, values);
    if (!result.ok())
        return static_cast<int>(result.error());
    m->outputs = std::move(result.get());
    *n_out = 0;
    for (const auto &value : m->outputs)
        if (value.isTensor() && *n_out < max_out)
            out[(*n_out)++] = describe(value.toTensor());
    return 0;
}

int run_method(dlx__et_module *m, const char *method, const dlx__et_tensor *in, int n_in,
               dlx__et_tensor *out, int max_out, int *n_out)
{
    return without_throwing(
        [&] { return run_method_or_throw(m, method, in, n_in, out, max_out, n_out); });
}

void error_text(int error, char *out, size_t n)
{
    const std::lock_guard<std::mutex> guard(last_lock);
    std::snprintf(out, n, "%s%s%s", executorch::runtime::to_string(static_cast<Error>(error)),
                  last_error.empty() ? "" : ": ", last_error.c_str());
    last_error.clear();
}

const dlx__et_functions table = {DLX__ET_VERSION, open_module, close_module, run_method,
                                 error_text};

} // namespace

extern "C" const dlx__et_functions *dlx__et_table(void)
{
    return &table;
}
