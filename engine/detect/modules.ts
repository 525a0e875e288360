/** What a scan looks for: lists and patterns that were loaded, and those built in. */
import { createHash } from "node:crypto";
import { BUILTIN_PATTERNS, BUILTIN_VERSION } from "./builtin_patterns.ts";
import { ContainerSet } from "./container_set.ts";
import { ContentHashes } from "./content_hashes.ts";
import { HashList } from "./hash_list.ts";
import { damaged, ModuleFile, type ModuleKind } from "./module_file.ts";
import { PatternSet } from "./pattern_set.ts";
import { YaraRules } from "./yara/yara_rules.ts";

/** A loaded set of one kind, as told to people. */
export interface ModuleInfo {
  /** `builtin`, or what the module calls itself. */
  readonly name: string;
  /** As the module says it. */
  readonly version: string;
  /** Signatures in it. */
  readonly count: number;
  /** When it was built, ms since 1970; absent of what is built in. */
  readonly built?: number;
}

/** Everything that a scan looks for. Made once, never changed; a new set is switched in whole. */
export interface Modules {
  /**
   * Content that is one of these is infected.
   *
   * @internal Opened by {@link openModules}; how a set is laid out is no part of the library.
   */
  readonly hashes: readonly HashList[];
  /**
   * Content that is one of these is known to be good: hashes and patterns are not asked.
   *
   * @internal Opened by {@link openModules}; how a set is laid out is no part of the library.
   */
  readonly good: readonly HashList[];
  /**
   * A program with one of these sections is infected.
   *
   * @internal Opened by {@link openModules}; how a set is laid out is no part of the library.
   */
  readonly sections: readonly HashList[];
  /**
   * Searched in every content.
   *
   * @internal Opened by {@link openModules}; how a set is laid out is no part of the library.
   */
  readonly patterns: readonly PatternSet[];
  /**
   * Asked about what containers say of their entries.
   *
   * @internal Opened by {@link openModules}; how a set is laid out is no part of the library.
   */
  readonly containers: readonly ContainerSet[];
  /**
   * Asked about every content that they might match.
   *
   * @internal Opened by {@link openModules}; how a set is laid out is no part of the library.
   */
  readonly yara: readonly YaraRules[];
  /** What is loaded, for people. */
  readonly info: readonly ModuleInfo[];
  /** Date of the sources of what was loaded, ms since 1970; absent where nothing was. */
  readonly date?: number;
  /** Changes whenever anything in the set does. Computed when first asked for. */
  readonly id: string;
}

let builtin: Modules | undefined;

/** The detections that are always there: test files and heuristics. Made on first use. */
export function builtinModules(): Modules {
  builtin ??= {
    hashes: [],
    good: [],
    sections: [],
    patterns: [new PatternSet(BUILTIN_PATTERNS)],
    containers: [],
    yara: [],
    info: [{ name: "builtin", version: String(BUILTIN_VERSION), count: BUILTIN_PATTERNS.length }],
    id: "builtin",
  };
  return builtin;
}

/** A module that was opened and found what it has to. */
type OpenModule =
  | { readonly kind: "hashes" | "good" | "sections"; readonly content: HashList }
  | { readonly kind: "patterns"; readonly content: PatternSet }
  | { readonly kind: "containers"; readonly content: ContainerSet }
  | { readonly kind: "yara"; readonly content: YaraRules };

/**
 * Opens modules, on top of what is built in.
 *
 * @param files Whole files, each at a multiple of eight in its buffer. They are kept, not copied.
 * @param yara yara-x's WebAssembly module (yara/load.ts), where one of the files is of YARA rules.
 * @throws {PosternError} `"module/damaged"` where one cannot be used or does not find its own sample.
 */
export function openModules(files: readonly Uint8Array[], yara?: BufferSource): Modules {
  const read = files.map((octets) => new ModuleFile(octets));
  const open = read.map((file) => openModule(file, yara));
  const base = builtinModules();
  let id: string | undefined;
  const lists = (kind: ModuleKind) =>
    open.flatMap((one) =>
      one.kind === kind && one.content instanceof HashList ? [one.content] : []
    );
  return {
    hashes: [...base.hashes, ...lists("hashes")],
    good: [...base.good, ...lists("good")],
    sections: [...base.sections, ...lists("sections")],
    patterns: [
      ...(read.some(({ header }) => header.builtin === BUILTIN_VERSION) ? [] : base.patterns),
      ...open.flatMap((one) => one.kind === "patterns" ? [one.content] : []),
    ],
    yara: open.flatMap((one) => one.kind === "yara" ? [one.content] : []),
    containers: open.flatMap((one) => one.kind === "containers" ? [one.content] : []),
    info: [
      ...base.info,
      ...read.map(({ header: { name, version, count, built } }) => ({
        name,
        version,
        count,
        built,
      })),
    ],
    ...(read.length > 0 ? { date: Math.min(...read.map(({ header }) => header.date)) } : {}),
    get id() {
      return id ??= idOf(files);
    },
  };
}

function idOf(files: readonly Uint8Array[]): string {
  const id = createHash("sha256");
  for (const octets of files) id.update(createHash("sha256").update(octets).digest());
  return id.digest("hex");
}

function openModule(file: ModuleFile, yara: BufferSource | undefined): OpenModule {
  const { kind, test } = file.header;
  const sample = new TextEncoder().encode(test.sample);
  const check = (found: boolean) => {
    if (!found) throw damaged(`the module ${file.header.name} does not find its own sample`);
  };
  if (kind === "patterns") {
    const content = PatternSet.open(file);
    const { matches } = content.search(sample, "text");
    check(matches.some(({ pattern }) => pattern.name === test.name));
    return { kind, content };
  }
  if (kind === "containers") {
    const content = ContainerSet.open(file);
    const entry = {
      container: "zip",
      containerSize: 0,
      names: [test.sample],
      size: 0,
      position: 1,
      encrypted: false,
    };
    check(content.match(entry).includes(test.name));
    return { kind, content };
  }
  if (kind === "yara") {
    if (yara === undefined) throw damaged("yara-x is not there to run its rules");
    const content = YaraRules.open(file, yara);
    check(content.match(sample).some(({ name }) => name === test.name));
    return { kind, content };
  }
  const content = HashList.open(file);
  check(content.find(new ContentHashes(sample)) === test.name);
  return { kind, content };
}
