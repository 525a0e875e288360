/**
 * From sources to one module: types are stripped, what is imported is put in place as `data:` modules, and the only name that
 * needs no file is `postern`. What cannot be stays out with a sentence that says where.
 */
import { transformSync } from "@swc/wasm-typescript";
import { init, parse } from "es-module-lexer";
import { PosternError } from "../../errors.ts";
import { MAX_FILES } from "./limits.ts";

/** A file of a document. */
export interface Source {
  /** Absolute; shown in errors. */
  readonly path: string;
  readonly text: string;
}

/** Gives the file that another one imports. Rejects with a PosternError that says why not. */
export type Resolve = (from: string, specifier: string) => Promise<Source>;

/** What `import … from "postern"` gives a document: both makers return what they are given. */
const POSTERN = dataUrl(
  "text/javascript",
  ["definePolicy", "defineConfig", "definePolicyTest"]
    .map((name) => `export const ${name} = (document) => document;\n`).join(""),
);

/** A document in one piece. */
export interface Linked {
  /** Of a module that imports nothing but what is inside it. */
  readonly url: string;
  /** Puts the names of files where a text of the runtime names their modules: `policy.ts:3:14`. */
  readonly named: (text: string) => string;
}

/**
 * Links a document.
 *
 * @throws {PosternError} `"document/invalid"`, `"document/forbidden"`, and what `resolve` throws.
 */
export async function link(document: Source, resolve: Resolve): Promise<Linked> {
  await init;
  const linker = new Linker(resolve);
  const url = await linker.module(document, []);
  return { url, named: (text) => linker.named(text) };
}

/** A module as the runtime names it; it cuts out the middle of long ones, but not the number. */
const MODULE_URL = /data:[\w/]+(?:;file=(\d+))?;base64,[A-Za-z0-9+/=.]*/g;

class Linker {
  readonly #resolve: Resolve;
  readonly #done = new Map<string, string>();
  readonly #names: string[] = [];

  constructor(resolve: Resolve) {
    this.#resolve = resolve;
  }

  named(text: string): string {
    return text.replace(MODULE_URL, (_, file?: string) => this.#names[Number(file)] ?? "a module");
  }

  async module(source: Source, above: readonly string[]): Promise<string> {
    const known = this.#done.get(source.path);
    if (known !== undefined) return known;
    if (above.includes(source.path)) {
      throw new PosternError(
        "document/invalid",
        `${source.path}: imports itself, by way of others`,
      );
    }
    if (this.#done.size + above.length >= MAX_FILES) {
      throw new PosternError("document/invalid", `A document has more than ${MAX_FILES} files`);
    }
    const url = source.path.endsWith(".json")
      ? dataUrl("application/json", source.text)
      : await this.#script(source, [...above, source.path]);
    this.#done.set(source.path, url);
    return url;
  }

  async #script(source: Source, above: readonly string[]): Promise<string> {
    const code = stripTypes(source);
    let linked = "";
    let at = 0;
    for (const found of imports(code, source.path)) {
      linked += code.slice(at, found.start);
      linked += found.specifier === "postern"
        ? POSTERN
        : await this.module(await this.#resolve(source.path, found.specifier), above);
      at = found.end;
    }
    // A parameter of the media type is what the runtime keeps in the places it names in errors.
    const file = this.#names.push(source.path) - 1;
    return dataUrl(`text/javascript;file=${file}`, linked + code.slice(at));
  }
}

/** Static imports of a module, in order; anything that could import later is refused. */
function imports(
  code: string,
  path: string,
): { readonly start: number; readonly end: number; readonly specifier: string }[] {
  const found: { start: number; end: number; specifier: string }[] = [];
  let parsed;
  try {
    [parsed] = parse(code);
  } catch (cause) {
    throw new PosternError("document/invalid", `${path}: cannot be read as a module`, { cause });
  }
  for (const each of parsed) {
    if (each.d === -2) continue; // import.meta
    // Not `each.n`: the lexer decodes escapes by eval, which this process has switched off. A name with escapes finds nothing.
    const specifier = code.slice(each.s, each.e);
    if (each.d >= 0) {
      throw new PosternError(
        "document/forbidden",
        `${path}:${
          lineOf(code, each.ss)
        }: imports while it runs; a document may import at its top only`,
      );
    }
    found.push({ start: each.s, end: each.e, specifier });
  }
  return found;
}

/** TypeScript to JavaScript; every line and column stays where it was. */
function stripTypes({ path, text }: Source): string {
  if (/\.m?js$/.test(path)) return text;
  try {
    return transformSync(text, { mode: "strip-only", filename: path }).code;
  } catch (error) {
    const { message, startLine, startColumn } = (error ?? {}) as Record<string, unknown>;
    const place = typeof startLine === "number" && typeof startColumn === "number"
      ? `${path}:${startLine}:${startColumn + 1}`
      : path;
    throw new PosternError("document/invalid", `${place}: ${message ?? String(error)}`);
  }
}

function lineOf(code: string, offset: number): string {
  const before = code.slice(0, offset).split("\n");
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

function dataUrl(type: string, text: string): string {
  const octets = new TextEncoder().encode(text);
  let binary = "";
  for (let at = 0; at < octets.length; at += 0x8000) {
    binary += String.fromCharCode(...octets.subarray(at, at + 0x8000));
  }
  return `data:${type};base64,${btoa(binary)}`;
}
