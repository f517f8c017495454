# SPDX-License-Identifier: MIT
"""JSON texts to accept and to reject. No verdicts are written here: json_corpus.py asks Python's json.

Each entry is (group, text, differs). `differs` is None, or why chatmux and Python part on purpose:
    depth  chatmux stops at 64 levels, Python at some thousand
    utf8   bytes above 0x7f are not judged while walking; they are when a text is delivered
"""

import json
import random


def numbers():
    good = """0 -0 1 -1 10 123 0.0 -0.0 0.5 1.5 1e5 1E5 1e+5 1E+2 1e-5 1E-2 0e0 0E+0 0e1 -0e-1 1.0e1 123.456e78
              20e1 1e0 1e00 1e05 0.1e1 1.000 1e999 -1e9999 1e-10000 123123123123123123123123123123
              -9223372036854775808 18446744073709551616 0.00000000000000000000000000000001"""
    bad = """01 -01 00 -00 +1 .5 -.5 1. -1. 1.e1 1e 1e+ 1E- 1e1.5 1.5.5 1..5 - -- --1 +-1 -+1 -a 1a 0x1 0x 1x 1e1e1 e1
             E1 1_000 1,000 NaN -NaN Infinity -Infinity +Infinity nan inf -inf 1f 1L 1n 0b1 0o7 -0x1 1eE2 1e++1 0e 0e+
             0E 0.e 0.3e 0.3e+ 1.0e 1.0e- 9.e+ ++1 -2. 2.e3 2.e-3 1+2 -foo -1x 012 -012 .1 .e1 1.e 1/2 1ee2 ١ 1٠ -١"""
    return good.split() + bad.split()


def strings():
    inside = r"""\" \\ \/ \b \f \n \r \t \u0000 \u0001 \u001f \u0020 \u007f \u00e9 \u20ac \uabcd \uABCD \uaBcD \ud800 \udc00
                 \ud83d\ude00 \ud83dx \ude00\ud83d \udfff\udfff \u005c \u0022 \uffff \ufffe \u2028 \u2029 \\u \\u0041 \\\" \\\\
                 a\u0062c \u0041\n \"\" /""".split()
    bad = r"""\a \v \0 \1 \x \x41 \' \U0041 \u \u0 \u00 \u000 \uG000 \u0G00 \u00G0 \u000G \u-123 \u+123 \u0x4 \u{41} \ \N \e
              \ud83d\u \ud83d\ude0 \ud83d\ude0g \ud83d\x \u00\n \*""".split() + ["\\u 041", "\\u004 ", "\\\n", "\\\t", "\\ "]
    out = ['""', '" "', '"a"', '"\x7f"', '"\u00e9"', '"\U0001f600"', '"\u2028\u2029"', '"\ufeff"', '"\u0000"', '"a\u0000b"',
           '"', '"a', '"\\', '"\\"', '"\\\\\\"', 'a"', "'a'", "'", "`a`", '\u201ca\u201d', '"a"b', '"a""b"', '"a" "b"',
           '"\\"a', '"a\\', '"\\u', '"\\u0', '"\\u00', '"\\u004', '"\\u0041', '"new\nline"', '"cr\rhere"', '"tab\there"',
           '"' + "x" * 1000 + '"', '"' + "x" * 1000, '"' + "\\n" * 500 + '"', '"1234567', '"12345678', '"123456789"', '"1234567\\', '"1234567\n"']
    return out + [f'"{text}"' for text in inside + bad]


def structures():
    return """[] {} [[]] [{}] {"a":{}} {"a":[]} [1] [1,2] [1,2,3] [null,true,false] {"a":1} {"a":1,"b":2} {"a":1,"a":2}
        {"a":1,"a":1} {"":0} {"":{"":{"":[]}}} {"a":[{"b":[{"c":null}]}]} {"\\u0061":1,"a":2} {"a\\"b":1} [[[[[]]]]]
        [[],[],{}] {"min":-1.0e+28,"max":1.0e+28} null true false [] {"x":[{"id":"x"}],"id":"y"}
        [1,] [,1] [,] [1,,2] [1,,] [1 2] [1 [1 1] ] [ [[] []] [1]] [1}] {1} {1:1} {"a" {"a": {"a":} {"a":1 {"a":1,} {,} {"a":1,,"b":2}
        {"a":1"b":2} {"a":1 "b":2} {"a":,} {:1} {"a"::1} {"a":1:2} {"a",1} {"a"} {"a","b"} {a:1} {'a':1} {null:1} {[]:1} {"a":1}}
        {"a":1}{"b":2} [1][2] [1]x {}x {}, [], "a", null, nul nulll NULL Null nil True TRUE tru truee False FALSE fals falsee
        undefined None n t f - + , : { } [ ] {[ [{ [{]} {[}] [} {] [[] [}} {{}} {"a":{} {"a":[} {"a":[1} ["a ["a" ["a", ["a",] {"a":"b {"a":"b"
        [1,2 [1;2] (1) <null> /**/ //x [/*c*/1] [1/*c*/] [1]//c [1]/**/ #x [1]#x {"a":1/*c*/} [-] [-,1] [.1] [1.] [01] [+1] [NaN] [Infinity]
        [-Infinity] {"a":NaN} [tru] [nul] [fals] [nulll] [true,] [true false] [truefalse] [0x1] ["\\x"] {"\\x":1} {"\\u12":1}
        [1e] [1e+] ["a\\"] {"a":"\\"} [] [][] {}{} [{}{}] [{},{}] [{},] {"a":{},} {"a":[],} [*] [&] [$] [a] [abc] [\\u0031] {"a"b:1} {"a":b}
        {"a":"b",c:1} {"a":1,"b"} {"a":1,"b":} {"a":1,"b":2,} [1,2,3 {"choices":[{"delta":{"content":"x"}}]}
        {"choices":[{"delta":{"content":"x"}}] {"choices":[{"delta":{"content":"x"}}}""".split()


def spaces():
    out = ["", " ", "\n", "\t\r\n ", " 1", "1 ", "\n1\n", "\r1\r", "\t1\t", " [ ] ", " { } ", "[ 1 , 2 ]", '{ "a" : 1 , "b" : 2 }',
           '\n{\n"a"\n:\n1\n}\n', "[1\n,2]", "[\t]", "1 2", "- 1", "1 e5", "1. 5", "t rue", "nu ll", "[1, 2", '{"a" :1}', '{"a": 1}',
           '{"a":1 }', "[ ]x", " x", " " * 100 + "1" + " " * 100, "\ufeff1", "\ufeff[]", "[\ufeff]", "1\ufeff", "\u00a01", "1\u00a0", "[\u00a01]",
           "\u2028[]", "[\u20281]", "\u3000[]", "\u200b[]", "\u20601", "\u180e1", "\x0c1", "1\x0c", "[\x0c]", "\x0b1", "[\x0b]", "\x85[]", "\0", "1\0",
           "\0001", "[\0]", "[1]\0", "[1,\x0c2]", "\x1f1", "\x7f1", "\x1a"]
    return out


def every_byte():
    """One byte in each place where only a few may stand."""
    for value in range(256):
        byte = bytes([value])
        for before, after in ((b"", b""), (b"", b"1"), (b"1", b""), (b"[1", b"2]"), (b'"\\', b'"'), (b'{"a"', b'1}'), (b'{"a":1', b"}"),
                              (b"-", b""), (b"1.", b""), (b"1e", b"1"), (b'"\\u00', b'0"'), (b"nul", b"")):
            yield before + byte + after, None
        for before in range(10):  # long strings pass eight bytes at a time
            yield b'"' + b"x" * before + byte + b'12345678"', None if value < 0x80 else "utf8"
        yield b'"' + byte + b'"', None if value < 0x80 else "utf8"


def utf8():
    bad = [b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xe9", b"\xe0\x80\xaf", b"\xe2\x82", b"\xed\xa0\x80", b"\xed\xbf\xbf",
           b"\xf0\x80\x80\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xfe", b"\xff", b"\xff\xfe", b"\x80\x80\x80",
           b"\xc3\x28", b"\xe2\x28\xa1"]
    for text in bad:
        yield b'"' + text + b'"', "utf8"
        yield b'{"' + text + b'":1}', "utf8"
        yield b"[" + text + b"]", None
        yield text, None
    for text in ["\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"]:
        yield f'"{text}"'.encode(), None
    yield b"\xff\xfe[\x00]\x00", None
    yield b"\x00[\x00]", None
    yield b"[\x00]\x00", None


def depths():
    for level in (1, 2, 31, 32, 33, 62, 63, 64):
        yield b"[" * level + b"]" * level, None
        yield b'{"a":' * level + b"1" + b"}" * level, None
        yield b'[{"a":' * (level // 2) + b"1" + b"}]" * (level // 2), None
        yield b"[" * level + b"]" * (level - 1), None
        yield b"[" * level + b"1" + b"]" * (level + 1), None
        yield b"[" * level + b"1" + b"}" + b"]" * (level - 1), None
    for level in (65, 66, 100, 900):
        yield b"[" * level + b"1" + b"]" * level, "depth"
        yield b'{"a":' * level + b"1" + b"}" * level, "depth"
        yield b"[" * level, None
    yield b"[" * 64 + b"[]" + b"]" * 64, "depth-empty"
    yield b"[" + b"[]," * 500 + b"{}]", None


def truncations():
    text = (b'{"id":"c\\u0031","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a\\"\\\\\\ud83d\\ude00b"},'
            b'"logprobs":null,"finish_reason":null,"n":[-1.5e+3,true,false,{}]}],"usage":{"total_tokens":12}} ')
    return [text[:end] for end in range(len(text) + 1)]


def mutated(count, seed):
    """Valid texts of every kind with a few bytes changed."""
    source = random.Random(seed)
    seeds = [text for text in truncations()[-2:]] + [text.encode() for text in structures() + strings() + numbers()]
    tokens = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b"e", b".", b"null", b"\\u00", b"\\ud800", b" ", b"\n", b"\0", b"1", b'"a":']
    for _ in range(count):
        text = bytearray(source.choice(seeds) if source.random() < 0.7 else json.dumps(value(source, 4)).encode())
        for _ in range(source.randrange(4)):
            at = source.randrange(len(text) + 1)
            kind = source.randrange(4)
            if kind == 0:
                text[at:at + source.randrange(3)] = source.choice(tokens)
            elif kind == 1:
                text[at:at + 1 + source.randrange(4)] = b""
            elif kind == 2 and text:
                text[at % len(text)] = source.randrange(128)
            else:
                text[at:at] = text[source.randrange(len(text) + 1):][:source.randrange(8)]
        if max(text.count(b"["), 0) + text.count(b"{") <= 60:
            yield bytes(text), None


def value(source, depth):
    kind = source.randrange(8 if depth > 0 else 6)
    if kind == 6:
        return [value(source, depth - 1) for _ in range(source.randrange(4))]
    if kind == 7:
        return {str(source.randrange(9)): value(source, depth - 1) for _ in range(source.randrange(4))}
    return [None, True, False, source.randrange(-9, 10**9), source.random() * 10**source.randrange(-9, 9),
            "".join(source.choice('ab"\\/\n\0\u00e9\u20ac\U0001f600') for _ in range(source.randrange(6)))][kind]


def all_texts(mutations, seed):
    for group in (numbers, strings, structures, spaces):
        for text in group():
            yield group.__name__, text.encode(), None
    for group in (utf8, depths, every_byte):
        for text, differs in group():
            yield group.__name__, text, differs
    for text in truncations():
        yield "truncations", text, None
    for text, differs in mutated(mutations, seed):
        yield "mutated", text, differs
