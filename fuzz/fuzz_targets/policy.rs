#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vssctl_fuzz::policy::run(bytes));
