/** Writes the two documents of a {@link Translation} as TypeScript that a person goes on with. */
import type { Leftover, Translation } from "./translate.ts";

const WIDTH = 100;
const KEY = /^[A-Za-z_$][\w$]*$/;

/** A value as TypeScript source: one line where it fits, else one line an entry. */
export function toSource(value: unknown, indent = "", used = 0): string {
  const flat = inline(value);
  if (indent.length + used + flat.length <= WIDTH || value === null || typeof value !== "object") {
    return flat;
  }
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((entry) => `${inner}${toSource(entry, inner, 1)},\n`)
    : Object.entries(value).map(([key, entry]) => {
      const name = `${keySource(key)}: `;
      return `${inner}${name}${toSource(entry, inner, name.length + 1)},\n`;
    });
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return `${open}\n${lines.join("")}${indent}${close}`;
}

function keySource(key: string): string {
  return KEY.test(key) ? key : JSON.stringify(key);
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, entry]) =>
    `${keySource(key)}: ${inline(entry)}`
  );
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** A comment never ends early or breaks its line, whatever stood in the classic file. */
function comment(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

function leftoverLines(leftovers: readonly Leftover[]): string {
  if (leftovers.length === 0) return "";
  const lines = leftovers.map(({ file, line, section, text, reason }) =>
    comment(`// ${file}:${line} ${section ? `[${section}] ` : ""}${text} -- ${reason}`)
  );
  return `\n// What has no place here, and why:\n${lines.join("\n")}\n`;
}

/** Where a leftover is told: what concerns the node in its configuration, the rest in the policy. */
function ofNode(leftover: Leftover): boolean {
  return !/^(?:action_|av_|as_|parent_id|scan_|write_)/.test(leftover.text) ||
    /^(?:av|as)_(?:update|mirror)/.test(leftover.text);
}

/** @returns The text of policy.ts. */
export function policySource(translation: Translation, source: string): string {
  const { lists, settings, rules } = translation.policy;
  const body = {
    ...(Object.keys(lists).length > 0 ? { lists } : {}),
    ...(Object.keys(settings).length > 0 ? { settings } : {}),
    rules,
  };
  return `// Written by postern import from ${comment(source)}.\n` +
    `import { definePolicy } from "postern";\n\n` +
    `export default definePolicy(${toSource(body)});\n` +
    leftoverLines(translation.leftovers.filter((l) => !ofNode(l)));
}

/** @returns The text of postern.config.ts. */
export function configSource(translation: Translation, source: string): string {
  const body = { policy: "./policy.ts", ...translation.config };
  return `// Written by postern import from ${comment(source)}.\n` +
    `import { defineConfig } from "postern";\n\n` +
    `export default defineConfig(${toSource(body)});\n` +
    leftoverLines(translation.leftovers.filter(ofNode));
}
