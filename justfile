# Everything that must pass before a commit.
check: fmt clippy test docs deny

# Formatting, imports included.
fmt:
    cargo xfmt --check

# Lints, warnings refused.
clippy:
    cargo clippy --all-targets -- -D warnings

# All tests.
test:
    cargo test

# Many seeds of what goes wrong; those that fail are printed, and FLEET_CHAOS_SEED=n runs one again.
chaos seeds="500":
    FLEET_CHAOS={{seeds}} cargo test --test it chaos::

# The floors of speed and size, beside an AWS CLI loop and a boto3 loop.
floors *args:
    cargo build --release
    python3 benches/floors/floors.py {{args}}

# The documentation builds without a warning.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# Licences, sources and banned crates; works offline.
deny:
    cargo deny --offline check bans licenses sources

# The main job on the embedded simulator.
sim:
    cargo run --release -- run --sim --asg web -- 'uname -a; uptime'

# Accept new snapshots after reading them.
bless:
    INSTA_UPDATE=always cargo test
