/** Reads the project's own source for {@link ./house_test.ts}. */
import { join } from "node:path";
import { run } from "./peers/process.ts";

/** Folders that are not the project's source, where there is no git to ask. */
const NOT_OURS = new Set([".git", ".deno", "node_modules", "dist", "state"]);

/** One import of a file. */
export interface Import {
  /** As written: `./a.ts`, `zod`, `node:path`. */
  readonly from: string;
  readonly typeOnly: boolean;
}

/** Paths below `root` of what git holds or would hold; of all files where this is no git checkout. */
async function projectFiles(root: string): Promise<string[]> {
  const listed = await run("git", [
    "-C",
    root,
    "-c",
    "safe.directory=*",
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
    "-z",
  ]).catch(() => undefined);
  const paths = listed?.code === 0
    ? listed.stdout.split("\0").filter(Boolean)
    : await walk(root, "");
  const there: string[] = [];
  for (const path of new Set(paths)) {
    // A file that was removed and is not committed yet is still listed.
    const file = await Deno.lstat(join(root, path)).catch(() => undefined);
    if (file?.isFile) there.push(path);
  }
  return there.sort();
}

async function walk(root: string, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory && !NOT_OURS.has(entry.name)) paths.push(...await walk(root, path));
    if (entry.isFile) paths.push(path);
  }
  return paths;
}

/** TypeScript files of the project, relative to `root`, sorted; fixtures of tests are not among them. */
export async function sourceFiles(root: string): Promise<string[]> {
  return (await projectFiles(root)).filter((path) =>
    /\.tsx?$/.test(path) && !path.startsWith("tests/fixtures/")
  );
}

/** Text files of the project, relative to `root`. */
export async function textFiles(root: string): Promise<string[]> {
  return (await projectFiles(root)).filter((path) =>
    /\.(?:tsx?|json|md|sh|py|yml|yaml|cf|conf|txt|service|lock)$|(?:^|\/)(?:Makefile|run|postern)$/
      .test(path)
  );
}

/**
 * Blanks out comments, and with `strings` also what stands in quotes, keeping all else where it is. A regular expression literal
 * is taken for one where a value may begin.
 */
function blank(source: string, strings: boolean): string {
  let out = "";
  let at = 0;
  /** Last character that was neither space nor comment: tells a division from a regular expression. */
  let before = "";
  const skip = (end: number, keep: boolean) => {
    out += keep ? source.slice(at, end) : source.slice(at, end).replace(/[^\n]/g, " ");
    at = end;
  };
  while (at < source.length) {
    const here = source.slice(at, at + 2);
    const character = source[at] ?? "";
    if (here === "//") {
      const end = source.indexOf("\n", at);
      skip(end < 0 ? source.length : end, false);
    } else if (here === "/*") {
      const end = source.indexOf("*/", at + 2);
      skip(end < 0 ? source.length : end + 2, false);
    } else if (character === '"' || character === "'" || character === "`") {
      let end = at + 1;
      while (end < source.length && source[end] !== character) end += source[end] === "\\" ? 2 : 1;
      // Only template literals are ever blanked for imports: module names stand in plain quotes.
      skip(Math.min(end + 1, source.length), !(strings || character === "`"));
      before = character;
    } else if (character === "/" && /[=(,:;!&|?{}[+\-*%~^<>]|^$/.test(before)) {
      let end = at + 1;
      let inClass = false;
      while (end < source.length && source[end] !== "\n" && (inClass || source[end] !== "/")) {
        if (source[end] === "[") inClass = true;
        if (source[end] === "]") inClass = false;
        end += source[end] === "\\" ? 2 : 1;
      }
      skip(Math.min(end + 1, source.length), false);
      before = "/";
    } else {
      if (/\S/.test(character)) before = character;
      skip(at + 1, true);
    }
  }
  return out;
}

/** The source with comments, strings and regular expressions blanked out. */
export function codeOnly(source: string): string {
  return blank(source, true);
}

/** Every module that the source names in an import, a re-export, an `import()` or an `import.meta.resolve()`. */
export function importsOf(source: string): Import[] {
  const code = blank(source, false);
  const found: Import[] = [];
  const statements =
    /^[ \t]*(?:import|export)\b(\s+type\b(?!\s+from))?[^;"'`()=]*?\bfrom\s*["']([^"']+)["']/gm;
  for (const match of code.matchAll(statements)) {
    found.push({ from: match[2] ?? "", typeOnly: match[1] !== undefined });
  }
  for (const match of code.matchAll(/^[ \t]*import\s*["']([^"']+)["']/gm)) {
    found.push({ from: match[1] ?? "", typeOnly: false });
  }
  for (const match of code.matchAll(/\bimport(?:\.meta\.resolve)?\s*\(\s*["']([^"']+)["']/g)) {
    found.push({ from: match[1] ?? "", typeOnly: false });
  }
  return found;
}
