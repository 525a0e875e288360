/** Builds modules from sources: each kind of signature becomes one module. */
import { createHash } from "node:crypto";
import { BUILTIN_PATTERNS, BUILTIN_VERSION } from "./builtin_patterns.ts";
import { containerSections, type ContainerSignature } from "./container_set.ts";
import { HashListBuilder, type HashRow } from "./hash_list_builder.ts";
import {
  encodeModule,
  type ModuleHeader,
  type ModuleKind,
  type ModuleSections,
} from "./module_file.ts";
import { literalPieces } from "./pattern.ts";
import { PatternBuilder } from "./pattern_builder.ts";
import { parseContainerLine } from "./sources/container_source.ts";
import { openDatabase, type SourceFile } from "./sources/database.ts";
import { parseHashLine, parsePlainLine, parseSectionLine } from "./sources/hash_source.ts";
import { linesOf, readLines, type SourceReport } from "./sources/lines.ts";
import { parseLogicalLine } from "./sources/logical_source.ts";
import { Macros } from "./sources/macros.ts";
import { parsePatternLine } from "./sources/pattern_source.ts";
import { checkRules, yaraSections, type YaraSource } from "./yara/yara_rules.ts";

/** A module that was made. */
export interface BuiltModule {
  /** As it is in the file. */
  readonly header: ModuleHeader;
  /** The whole file. */
  readonly octets: Uint8Array;
}

/** What every module finds in its own sample. */
const TEST_NAME = "Postern.SelfTest";

/** Endings of sources and what their lines are. Those that end in `u` hold what ClamAV calls possibly unwanted: suspicious. */
const SOURCES = {
  hdb: "hash",
  hsb: "hash",
  hdu: "hash",
  hsu: "hash",
  fp: "good",
  sfp: "good",
  mdb: "section",
  msb: "section",
  mdu: "section",
  msu: "section",
  ndb: "pattern",
  ndu: "pattern",
  ldb: "logical",
  ldu: "logical",
  cdb: "container",
  cvd: "database",
  cld: "database",
  cud: "database",
  ign: "ignored",
  ign2: "ignored",
  yar: "yara",
  yara: "yara",
  txt: "plain",
  list: "plain",
  hashes: "plain",
  md5: "plain",
  sha1: "plain",
  sha256: "plain",
} as const satisfies Record<string, string>;
type SourceKind = (typeof SOURCES)[keyof typeof SOURCES];

function endingOf(file: string): string {
  return /\.([a-z0-9]+)$/i.exec(file)?.[1]?.toLowerCase() ?? "";
}

function kindOf(file: string): SourceKind | undefined {
  const ending = endingOf(file);
  return Object.hasOwn(SOURCES, ending) ? SOURCES[ending as keyof typeof SOURCES] : undefined;
}

/** Whether a file's ending is that of a source. */
export function isSource(file: string): boolean {
  return kindOf(file) !== undefined;
}

/** Whether a source has to be read before others: it says which of their signatures are to be left out. */
export function comesFirst(file: string): boolean {
  return kindOf(file) === "ignored";
}

/** Modules in the making. */
export class ModuleBuild {
  readonly #hashes = new HashListBuilder();
  readonly #good = new HashListBuilder();
  readonly #sections = new HashListBuilder();
  readonly #patterns = new PatternBuilder();
  readonly #macros = new Macros();
  readonly #containers: ContainerSignature[] = [];
  readonly #rules: YaraSource[] = [];
  #ruleCount = 0;
  readonly #yara: BufferSource | undefined;
  readonly #ignored = new Set<string>();
  readonly #versions: string[] = [];
  /** Date of the newest database that was added, ms since 1970; absent where there was none. */
  date: number | undefined;

  /**
   * Begins an empty set.
   *
   * @param yara yara-x's WebAssembly module (yara/load.ts), where there may be YARA rules among the sources.
   */
  constructor(yara?: BufferSource) {
    this.#yara = yara;
  }

  /**
   * Reads a source.
   *
   * @param file Its name: the ending says what it is.
   * @returns What was read, for each file in a container of sources.
   * @throws {PosternError} `"module/source"` where a container of sources is damaged.
   */
  add(file: string, octets: Uint8Array): readonly SourceReport[] {
    const kind = kindOf(file);
    if (kind === "database") return this.#database(file, octets);
    if (kind === "ignored") {
      for (const [line] of linesOf(octets)) this.#ignore(line, endingOf(file) === "ign");
      return [];
    }
    if (kind === "yara") return [this.#yaraSource(file, octets)];
    const suspicious = endingOf(file).endsWith("u");
    return [readLines(file, octets, this.#reader(kind, file, suspicious))];
  }

  #database(file: string, octets: Uint8Array): readonly SourceReport[] {
    const { version, date, files } = openDatabase(file, octets);
    if (date !== undefined) this.date = Math.max(this.date ?? 0, date);
    this.#versions.push(`${file.replace(/^.*\//, "").replace(/\.\w+$/, "")}:${version}`);
    const inOrder = [
      ...files.filter(({ name }) => comesFirst(name)),
      ...files.filter(({ name }) => !comesFirst(name)),
    ];
    return inOrder.flatMap(({ name, octets }: SourceFile) => {
      // licences, and what the database says of itself
      if (/^(COPYING|.*\.(info|cfg))$/.test(name) || kindOf(name) === "database") return [];
      return this.add(`${file}:${name}`, octets);
    });
  }

  /** A source of rules is used whole or not at all. */
  #yaraSource(file: string, octets: Uint8Array): SourceReport {
    const text = new TextDecoder().decode(octets);
    const count = text.match(/^\s*(?:(?:private|global)\s+)*rule\s+\w/gm)?.length ?? 0;
    const wrong = this.#yara === undefined
      ? "rules without yara-x to compile them"
      : checkRules(text, this.#yara);
    if (wrong !== undefined) return { file, used: 0, unused: [{ why: wrong, count, lines: [] }] };
    this.#rules.push({ file, text });
    this.#ruleCount += count;
    return { file, used: count, unused: [] };
  }

  /** `name[:hash]`, in old lists `file:line:name`. */
  #ignore(line: string, isOld: boolean): void {
    const fields = line.split(":");
    const name = isOld ? fields[2] : fields[0];
    if (name) this.#ignored.add(name);
  }

  #reader(
    kind: Exclude<SourceKind, "database" | "ignored" | "yara"> | undefined,
    file: string,
    suspicious: boolean,
  ): (line: string) => string | undefined {
    const severity = suspicious ? "suspicious" : "infected";
    const row = (list: HashListBuilder, parse: (line: string) => HashRow | string) =>
      this.#use(parse, (read: HashRow) => void list.add(read, suspicious));
    switch (kind) {
      case "hash":
        return row(this.#hashes, parseHashLine);
      case "plain":
        return row(this.#hashes, parsePlainLine);
      case "good":
        return row(this.#good, parseHashLine);
      case "section":
        return row(this.#sections, parseSectionLine);
      case "pattern":
        return this.#use(
          (line) => parsePatternLine(line, severity),
          (read) =>
            read.macro === undefined
              ? this.#patterns.add(read)
              : this.#macros.member(read.macro, read.pieces),
        );
      case "logical":
        return this.#use(
          (line) => parseLogicalLine(line, severity),
          (read) => "macros" in read ? this.#macros.wait(read) : this.#patterns.addLogical(read),
        );
      case "container":
        return this.#use(parseContainerLine, (read) => void this.#containers.push(read));
      case undefined:
        return () => `files that end in .${endingOf(file).slice(0, 10)}`;
    }
  }

  #use<T extends { readonly name: string }>(
    parse: (line: string) => T | string,
    use: (read: T) => string | undefined | void,
  ): (line: string) => string | undefined {
    return (line) => {
      const read = parse(line);
      if (typeof read === "string") return read;
      if (this.#ignored.has(read.name)) return "names that are to be ignored";
      return use(read) ?? undefined;
    };
  }

  /**
   * Makes the modules of what was added, one for each kind that there is.
   *
   * @param now Time of the build, ms since 1970.
   */
  finish(now: number): readonly BuiltModule[] {
    const time = new Date(now).toISOString();
    for (const signature of this.#macros.expanded()) this.#patterns.addLogical(signature);
    const version = this.#versions.join(" ") || time;
    const modules: BuiltModule[] = [];
    const make = (
      kind: ModuleKind,
      count: number,
      build: (sample: string) => {
        readonly sections: ModuleSections;
        readonly words?: readonly string[];
      },
    ) => {
      if (count === 0) return;
      const sample = `Sample of Postern's self-test of ${kind}, ${time}`;
      const { sections, words } = build(sample);
      const header: ModuleHeader = {
        kind,
        name: kind,
        version,
        built: now,
        date: this.date ?? now,
        count,
        test: { sample, name: kind === "yara" ? "Postern_SelfTest" : TEST_NAME },
        ...(words ? { words } : {}),
        ...(kind === "patterns" ? { builtin: BUILTIN_VERSION } : {}),
      };
      modules.push({ header, octets: encodeModule(header, sections) });
    };
    const list = (builder: HashListBuilder) => (sample: string) => {
      const digest = createHash("sha256").update(sample).digest("hex");
      builder.add({ name: TEST_NAME, digest });
      return { sections: builder.sections() };
    };
    make("hashes", this.#hashes.count, list(this.#hashes));
    make("good", this.#good.count, list(this.#good));
    make("sections", this.#sections.count, list(this.#sections));
    make("patterns", this.#patterns.count, (sample) => {
      const pieces = literalPieces(new TextEncoder().encode(sample));
      for (const pattern of BUILTIN_PATTERNS) this.#patterns.add(pattern);
      this.#patterns.add({ name: TEST_NAME, severity: "infected", pieces });
      return this.#patterns.build();
    });
    make("containers", this.#containers.length, (sample) => {
      const fileName = sample.replace(/\W/g, ".");
      return { sections: containerSections([...this.#containers, { name: TEST_NAME, fileName }]) };
    });
    make("yara", this.#ruleCount, (sample) => {
      const text = `rule Postern_SelfTest { strings: $a = ${
        JSON.stringify(sample)
      } condition: $a }`;
      return { sections: yaraSections([...this.#rules, { file: "self-test", text }]) };
    });
    return modules;
  }
}
