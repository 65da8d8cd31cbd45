"""Prints a world whose documents say much: for the truncation of aws-facts §A.5, and for the exit
codes of §A.3.
"""

CASES = {
    # name: (exit, bytes of stdout, bytes of stderr)
    "short": (0, 10, 0),
    "both": (0, 10, 10),
    "out-23999": (0, 23_999, 0),
    "out-24000": (0, 24_000, 0),
    "out-30000": (0, 30_000, 0),
    "err-7999": (0, 0, 7_999),
    "err-8001": (0, 0, 8_001),
    "err-30000": (0, 0, 30_000),
    "both-large": (0, 30_000, 30_000),
    "out-2499": (0, 2_499, 0),
    "out-2500": (0, 2_500, 0),
    "little-out": (0, 100, 5_000),
    "little-err": (0, 5_000, 100),
    "just-fits": (0, 1_200, 1_276),
    "just-not": (0, 1_200, 1_277),
    "exit-1": (1, 10, 10),
    "exit-137": (137, 10, 0),
    "exit-168": (168, 10, 10),
    "exit-169": (169, 10, 10),
    "exit-194": (194, 10, 0),
}


def text(letter, n):
    return (letter * 9 + "-") * (n // 10) + letter * (n % 10)


def main():
    print("speed = 20.0\nvisible_after = \"0s\"\nbuckets = [\"kept\"]")
    for name, (code, out, err) in CASES.items():
        print(f'\n[[group]]\nname = "{name}"\nsize = 1\n\n[[outcome]]\ngroup = "{name}"\n'
              f'exit = {code}\nstdout = "{text("o", out)}"\nstderr = "{text("e", err)}"')
    print('\n[[group]]\nname = "win"\nsize = 1\nplatform = "Windows"')


if __name__ == "__main__":
    main()
