/*
 * cpu.c - instruction sets. A set counts only when the processor has it and the system saves its
 * registers on a switch of threads.
 */
#include "base/cpu.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/* AMD's family 19h does (Zen 4). Of 1Ah (Zen 5) some made for laptops do, which are not told apart:
 * nobody has measured them. The bit that says so (8000001Ah, eax bit 3) is hidden by virtual
 * machines. */
bool dlx__cpu_in_halves(const char vendor[12], uint32_t version)
{
    const uint32_t family = version >> 8 & 0xFu, extended = version >> 20 & 0xFFu;
    return memcmp(vendor, "AuthenticAMD", 12) == 0 &&
           family + (family == 0xFu ? extended : 0) < 0x1Au;
}

#if defined(__x86_64__) || defined(__i386__)

/* The register that tells which register files the system saves: bit 1 xmm, 2 ymm, 5-7 zmm. */
static uint32_t saved_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has(uint32_t bits, int index)
{
    return bits >> index & 1u;
}

static bool in_halves(void)
{
    uint32_t a, b, c, d, version;
    char vendor[12];
    if (!__get_cpuid(1, &version, &b, &c, &d) || !__get_cpuid(0, &a, &b, &c, &d))
        return false;
    memcpy(vendor, &b, 4);
    memcpy(vendor + 4, &d, 4);
    memcpy(vendor + 8, &c, 4);
    return dlx__cpu_in_halves(vendor, version);
}

static void detect_sets(dlx__cpu *cpu)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, 27)) /* OSXSAVE: xgetbv may be asked */
        return;
    bool fma = has(c, 12), f16c = has(c, 29);
    uint32_t saved = saved_registers();
    bool ymm = (saved & 0x06u) == 0x06u, zmm = (saved & 0xE6u) == 0xE6u;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return;
    uint32_t n_leaves = a;
    cpu->avx2_fma = ymm && fma && f16c && has(b, 5);
    cpu->avx512 = zmm && cpu->avx2_fma && has(b, 16) && has(b, 30) && has(b, 17) && has(b, 31);
    cpu->avx512_vnni = cpu->avx512 && has(c, 11);
    if (n_leaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        cpu->avx_vnni = cpu->avx2_fma && has(a, 4);
        cpu->avx512_bf16 = cpu->avx512 && has(a, 5);
    }
    cpu->avx512_wide = cpu->avx512 && !in_halves();
}

static void detect_name(dlx__cpu *cpu)
{
    uint32_t words[12];
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t *w = words + 4 * i;
        if (!__get_cpuid(0x80000002u + i, &w[0], &w[1], &w[2], &w[3]))
            return;
    }
    char text[sizeof words + 1];
    memcpy(text, words, sizeof words);
    text[sizeof words] = '\0';
    const char *first = text + strspn(text, " ");
    if (*first)
        snprintf(cpu->name, sizeof cpu->name, "%s", first);
}

#elif defined(__aarch64__) && defined(__APPLE__)

static bool feature(const char *name)
{
    int value = 0;
    size_t len = sizeof value;
    return sysctlbyname(name, &value, &len, NULL, 0) == 0 && value != 0;
}

static void detect_sets(dlx__cpu *cpu)
{
    cpu->neon = true;
    cpu->neon_dotprod = feature("hw.optional.arm.FEAT_DotProd");
    cpu->neon_i8mm = feature("hw.optional.arm.FEAT_I8MM");
    cpu->neon_bf16 = feature("hw.optional.arm.FEAT_BF16");
}

static void detect_name(dlx__cpu *cpu)
{
    char text[sizeof cpu->name];
    size_t len = sizeof text;
    if (sysctlbyname("machdep.cpu.brand_string", text, &len, NULL, 0) == 0 && len > 0)
        snprintf(cpu->name, sizeof cpu->name, "%.*s", (int)len, text);
}

#elif defined(__aarch64__) && defined(__linux__)

static void detect_sets(dlx__cpu *cpu)
{
    /* Bits of the Linux ABI, written out because old headers lack the newer names. */
    unsigned long caps = getauxval(AT_HWCAP);
    unsigned long caps2 = getauxval(AT_HWCAP2);
    cpu->neon = caps >> 1 & 1;
    cpu->neon_dotprod = cpu->neon && (caps >> 20 & 1);
    cpu->neon_i8mm = cpu->neon && (caps2 >> 13 & 1);
    cpu->neon_bf16 = cpu->neon && (caps2 >> 14 & 1);
}

/* Boards name themselves in the device tree; servers without one stay "unknown". */
static void detect_name(dlx__cpu *cpu)
{
    FILE *f = fopen("/proc/device-tree/model", "r");
    if (!f)
        return;
    char text[sizeof cpu->name] = "";
    if (fgets(text, sizeof text, f) && text[0])
        snprintf(cpu->name, sizeof cpu->name, "%s", text);
    fclose(f);
}

#else

static void detect_sets(dlx__cpu *cpu)
{
#if defined(__aarch64__)
    cpu->neon = true; /* part of the base architecture */
#else
    (void)cpu;
#endif
}

static void detect_name(dlx__cpu *cpu)
{
    (void)cpu;
}

#endif

void dlx__cpu_detect(dlx__cpu *cpu)
{
    *cpu = (dlx__cpu){.name = "unknown"};
    detect_sets(cpu);
    detect_name(cpu);
}
