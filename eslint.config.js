// Lint rules: what the type checker cannot see, and the house's import arrows (DESIGN.md, section 1).
// Layout (spaces, quotes, line width) is left to .editorconfig and good sense.
import tseslint from "typescript-eslint";

/** Modules that only the faces and scripts may import: everything below them also runs in a browser. */
const hostOnly = { regex: "^node:", message: "Only emulator/cli, emulator/gdb, scripts/*.ts and tests may know the host (DESIGN.md rule 8)." };
const faces = {
  regex: "/(cli|gdb|dap)/",
  message: "Import arrows go down: nothing below a face may import it (DESIGN.md, section 1).",
};

export default tseslint.config(
  { ignores: ["node_modules/", "coverage/", "build/", "dist/", "guest-kernel/prebuilt/", "guest-user/prebuilt/"] },
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.recommended, ...tseslint.configs.stylistic],
    rules: {
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-var": "error",
      "prefer-const": "error",
      "no-debugger": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-self-compare": "error",
      "no-unreachable-loop": "error",
      "no-throw-literal": "error",
      "no-warning-comments": ["error", { terms: ["todo", "fixme", "xxx"], location: "start" }],
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "Erasable syntax only: use a const object or a union." },
        { selector: "TSModuleDeclaration[kind!='global']", message: "Erasable syntax only: use modules." },
        { selector: "TSParameterProperty", message: "Erasable syntax only: write the field out." },
      ],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/prefer-for-of": "off",
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/consistent-indexed-object-style": "off",
    },
  },
  {
    files: ["emulator/**/*.ts"],
    ignores: ["emulator/cli/**", "emulator/gdb/**", "emulator/**/*.test.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [hostOnly, faces] }] },
  },
  {
    files: ["scripts/fs/**/*.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [hostOnly] }] },
  },
  {
    files: ["scripts/**/*.ts"],
    ignores: ["scripts/fs/**"],
    rules: { "no-restricted-imports": "off" },
  },
);
