"""What tokenizers are asked."""

TEXTS = [
    "What is the capital of France?",
    "On 5 March 2024, Anna Smith ordered 12 lamps for $123.45, to be sent to Berlin.",
    "São Paulo, Zürich, Κως, 東京, 서울, नमस्ते",
    "don't   split \t these\n\n",
    "I'M sure we'Ve 'seen it, they'LL say",
    "🤖🏳️‍🌈 emoji",
    "1234567890 12,345.67 x²",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "", " ", "  ", "\n", "\r\n \r\n", "\t", "a ", " a", "a  b   c    d",
    "\u00a0\u200b\u3000",
    'if (a == "b") { return c[0]; }\n\n    // done\n',
    "camelCase snake_case SCREAMING-kebab http://example.org/a?b=c&d=%20",
    "".join(chr(c) for c in range(32, 127)),
]
