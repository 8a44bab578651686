#!/usr/bin/env node
// The debug adapter as an executable of its own, for debug clients that are told a program and no arguments.
process.argv.splice(2, 0, "dap");
await import("./pagewalk.js");
