//! The `fleet` program: parse, build the runtime, run, return the exit code.

use std::process::ExitCode;

use fleet::{cli, exit::Exit};

fn main() -> ExitCode {
    cli::guarded(program).into()
}

fn program() -> Exit {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    // One thread is enough: fleet waits on sockets.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(err) => return cli::no_runtime(&err),
    };
    let exit = runtime.block_on(cli::run(cli));
    // A prompt that an interrupt answered still waits for its line; nobody waits for the prompt.
    runtime.shutdown_background();
    exit
}
