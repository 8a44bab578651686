// npm run bundle — dist/pagewalk.mjs: the whole command in one file, kernel and user programs in it.
// `node dist/pagewalk.mjs` boots anywhere, without node_modules and without this checkout.
import { build, type Plugin } from "esbuild";
import { chmodSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync } from "node:zlib";
import { kernelImage, userPrograms } from "./guest-files.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** scripts/guest-files.ts as it is in the bundle: the files compressed in it, unpacked when first asked for. */
function embeddedGuest(): string {
  const files = [{ name: "kernel.elf", bytes: kernelImage() }, ...userPrograms()];
  const index = files.map(({ name, bytes }) => [name, bytes.length]);
  const packed = brotliCompressSync(Buffer.concat(files.map(({ bytes }) => bytes))).toString("base64");
  return `
import { brotliDecompressSync } from "node:zlib";
const index = ${JSON.stringify(index)};
let files;
function unpack() {
  if (files !== undefined) return files;
  const all = new Uint8Array(brotliDecompressSync(Buffer.from(${JSON.stringify(packed)}, "base64")));
  let at = 0;
  files = index.map(([name, length]) => ({ name, bytes: all.slice(at, (at += length)) }));
  return files;
}
export const KERNEL_PATH = "(built in)";
export const kernelImage = () => unpack()[0].bytes;
export const userPrograms = () => unpack().slice(1);
export const debugFile = () => undefined; // they would double the bundle: programs have names there, and no lines
`;
}

const embedGuest: Plugin = {
  name: "embed-guest",
  setup(bundle) {
    bundle.onLoad({ filter: /[\\/]scripts[\\/]guest-files\.ts$/ }, () => ({ contents: embeddedGuest(), loader: "js", resolveDir: ROOT }));
  },
};

const { values } = parseArgs({ options: { out: { type: "string", default: join(ROOT, "dist", "pagewalk.mjs") } } });
const out = resolve(values.out);
await build({
  entryPoints: [join(ROOT, "emulator", "cli", "main.ts")],
  outfile: out,
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
  plugins: [embedGuest],
  // commander is CommonJS and asks for node: modules with require, which an ES module has to make for itself.
  banner: { js: '#!/usr/bin/env node\nimport { createRequire as _require } from "node:module"; const require = _require(import.meta.url);' },
});
chmodSync(out, 0o755);
console.log(`bundle: ${relative(process.cwd(), out)}: ${Math.round(statSync(out).size / 1024)} KiB`);
