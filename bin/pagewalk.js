#!/usr/bin/env node
// The installed command: lets Node read TypeScript (tsx), then is the same program as `npm start`.
import { register } from "tsx/esm/api";

register();
await import("../emulator/cli/main.ts");
