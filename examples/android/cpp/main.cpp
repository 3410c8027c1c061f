// main.cpp - block_decode FILE.pte 1,2,3 [MAX_TOKENS]: prints the answer's ids.
#include "block_decoder.h"

#include <executorch/runtime/platform/runtime.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>

static std::vector<int64_t> ids_of(const char *text)
{
    std::vector<int64_t> ids;
    std::stringstream list(text);
    for (std::string id; std::getline(list, id, ',');)
        ids.push_back(std::strtoll(id.c_str(), nullptr, 10));
    return ids;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        std::fprintf(stderr, "usage: block_decode FILE.pte 1,2,3 [MAX_TOKENS]\n");
        return 2;
    }
    executorch::runtime::runtime_init();
    try {
        BlockDecoder decoder(argv[1]);
        const size_t max_tokens = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 32;
        const char *between = "";
        for (const auto id : decoder.generate(ids_of(argv[2]), max_tokens)) {
            std::printf("%s%lld", between, static_cast<long long>(id));
            between = ",";
        }
        std::printf("\n");
        std::fprintf(stderr, "%zu passes\n", decoder.passes());
    } catch (const std::exception &e) {
        std::fprintf(stderr, "block_decode: %s\n", e.what());
        return 1;
    }
    return 0;
}
