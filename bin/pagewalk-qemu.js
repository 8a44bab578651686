#!/usr/bin/env node
// Stands in for qemu-system-riscv64 in other people's Makefiles: make qemu QEMU=/path/to/pagewalk/bin/pagewalk-qemu.js
process.argv.splice(2, 0, "qemu");
await import("./pagewalk.js");
