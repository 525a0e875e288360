/** YARA rules, run by yara-x in WebAssembly. To run them costs some 10 to 40 ms whatever the size, so a filter is asked before. */
import { Compiler, initSync, type Rules } from "@virustotal/yara-x";
import { damaged, type ModuleFile, type ModuleSections } from "../module_file.ts";
import { findingName } from "../sources/lines.ts";
import { Prefilter } from "./prefilter.ts";

/** A source of rules: what is in it has a namespace of its own. */
export interface YaraSource {
  readonly file: string;
  readonly text: string;
}

/** A rule that matched. */
export interface YaraMatch {
  readonly name: string;
  /** Rules with the tag `suspicious` are a suspicion. */
  readonly severity: "infected" | "suspicious";
  readonly offset?: number;
}

/** What yara-x tells of a scan, as far as it is used. */
interface Report {
  readonly matches: readonly {
    readonly identifier: string;
    readonly isPrivate: boolean;
    readonly tags: readonly string[];
    readonly patterns: readonly { readonly matches: readonly { readonly offset: number }[] }[];
  }[];
}

let started = false;

/** Starts yara-x; once is enough for a thread. */
function start(wasm: BufferSource): void {
  if (started) return;
  initSync({ module: wasm });
  started = true;
}

/**
 * Why a source cannot be used: the compiler's first line; `undefined` where it can.
 *
 * @param wasm The file that {@link yaraUrl} names.
 */
export function checkRules(text: string, wasm: BufferSource): string | undefined {
  start(wasm);
  const compiler = new Compiler();
  try {
    compiler.addSource(text);
    compiler.build().free();
    return undefined;
  } catch (error) {
    return String(error).replace(/^Error: /, "").split("\n").slice(0, 2).join(" ").slice(0, 200);
  } finally {
    compiler.free();
  }
}

/** The sections of a module. */
export function yaraSections(sources: readonly YaraSource[]): ModuleSections {
  return { sources: new TextEncoder().encode(JSON.stringify(sources)) };
}

/** Rules that are ready; they are compiled when the first content might match. */
export class YaraRules {
  readonly #sources: readonly YaraSource[];
  readonly #wasm: BufferSource;
  readonly #filter: Prefilter;
  #rules: Rules | undefined;

  constructor(sources: readonly YaraSource[], wasm: BufferSource) {
    this.#sources = sources;
    this.#wasm = wasm;
    this.#filter = new Prefilter(sources.map(({ text }) => text));
  }

  /** The rules of a module. @throws {PosternError} `"module/damaged"`. */
  static open(file: ModuleFile, wasm: BufferSource): YaraRules {
    try {
      // What is in a module was written by yaraSections(), and its hash is right.
      const text = new TextDecoder().decode(file.octets("sources"));
      return new YaraRules(JSON.parse(text) as readonly YaraSource[], wasm);
    } catch (cause) {
      throw damaged("its rules cannot be read", cause);
    }
  }

  /** Why rules are run on every content, if so. */
  get always(): string | undefined {
    return this.#filter.always;
  }

  /** The rules that match. Private rules are not told. */
  match(octets: Uint8Array): readonly YaraMatch[] {
    if (octets.length === 0 || !this.#filter.mayMatch(octets)) return [];
    this.#rules ??= this.#compile();
    const { matches } = this.#rules.scan(octets) as Report;
    return matches.filter(({ isPrivate }) => !isPrivate).map(({ identifier, tags, patterns }) => {
      const offset = patterns.flatMap((pattern) => pattern.matches)[0]?.offset;
      return {
        name: findingName(identifier),
        severity: tags.includes("suspicious") ? "suspicious" : "infected",
        ...(offset === undefined ? {} : { offset }),
      };
    });
  }

  #compile(): Rules {
    start(this.#wasm);
    const compiler = new Compiler();
    try {
      for (const [index, { text }] of this.#sources.entries()) {
        compiler.newNamespace(`source${index}`);
        compiler.addSource(text);
      }
      return compiler.build();
    } catch (cause) {
      throw damaged("its rules do not compile", cause);
    } finally {
      compiler.free();
    }
  }
}
