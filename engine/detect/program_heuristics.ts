/** Programs and shortcuts: what is packed, and what runs something else. */
import { latin1Text } from "../latin1.ts";
import type { HeuristicMatch } from "./heuristics.ts";

const u16 = (o: Uint8Array, at: number) => (o[at] ?? 0) | ((o[at + 1] ?? 0) << 8);
const u32 = (o: Uint8Array, at: number) => (u16(o, at) | (u16(o, at + 2) << 16)) >>> 0;

/** Names of sections that packers write. */
const PACKERS =
  /^(?:UPX[0-9!]|\.?aspack|\.adata|\.?ASProtect|\.?petite|PEC2|PECompact2?|pebundle|FSG!|MEW|\.?MPRESS\d?|\.?themida|\.?winlice|\.vmp\d|\.?enigma\d?|\.nsp\d|nsp\d|\.yP|yC|kkrunchy|\.perplex|\.boom|!EPack|\.packed|_winzip_|\.taz|\.tsuarch|RCryptor|\.RLPack|\.svkp|ExeS|PESpin|\.spack|\.WWPACK|\.ccg)$/i;

/** A program for Windows. */
export function peHeuristics(octets: Uint8Array): readonly HeuristicMatch[] {
  const header = u32(octets, 60);
  const sections = Math.min(u16(octets, header + 6), 96);
  const table = header + 24 + u16(octets, header + 20);
  for (let i = 0; i < sections; i++) {
    const at = table + 40 * i;
    if (at + 40 > octets.length) break;
    const name = String.fromCharCode(...octets.subarray(at, at + 8)).replace(/\0.*$/s, "");
    if (PACKERS.test(name)) return [{ name: "Heuristic.PackedProgram", offset: at }];
  }
  return [];
}

const INTERPRETER =
  /\b(?:cmd|powershell(?:_ise)?|pwsh|mshta|wscript|cscript|rundll32|regsvr32|certutil|bitsadmin|msiexec|forfiles|conhost|pcalua|schtasks|wmic|curl|wget|ssh|bash|wsl|msbuild|installutil|hh|odbcconf|mavinject|finger)(?:\.exe)?\b|%comspec%/i;
/** Blanks that push a command out of the window. */
const HIDDEN = /[\s\u00a0]{60,}\S/;
/** The window shows so many characters of arguments. */
const SHOWN = 260;

/** A shortcut: [MS-SHLLINK] 2.1, 2.4. */
export function shortcutHeuristics(octets: Uint8Array): readonly HeuristicMatch[] {
  const flags = u32(octets, 20);
  let at = 76;
  if (flags & 1) at += 2 + u16(octets, at);
  if (flags & 2) at += u32(octets, at);
  const isWide = (flags & 0x80) !== 0;
  const decoder = new TextDecoder(isWide ? "utf-16le" : "latin1");
  let path = "";
  let offset = at;
  let args = "";
  // name, relative path, working directory, arguments, icon
  for (const [index, flag] of [4, 8, 16, 32].entries()) {
    if ((flags & flag) === 0) continue;
    const length = u16(octets, at) * (isWide ? 2 : 1);
    const value = decoder.decode(octets.subarray(at + 2, at + 2 + length));
    if (index === 1) path = value;
    if (index === 3) {
      args = value;
      offset = at;
    }
    at += 2 + length;
  }
  if (args.trim() === "") return [];
  const target = latin1Text(octets.subarray(76, 8192))
    .replace(/\0/g, "");
  const runs = INTERPRETER.test(args) || INTERPRETER.test(path) || INTERPRETER.test(target);
  return runs || HIDDEN.test(args) || args.length > SHOWN
    ? [{ name: "Heuristic.ShortcutCommand", offset }]
    : [];
}
