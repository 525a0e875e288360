/** OLE2 documents, installers and Outlook messages: their streams, what is packed in these, macro text, and whether they are encrypted. */
import { fileType, fileTypeGroup } from "../detect/file_type.ts";
import { isProgramName } from "../detect/heuristics.ts";
import { latin1Text } from "../latin1.ts";
import { nameText, u16, u32 } from "./octets.ts";
import { presentationObjects } from "./powerpoint.ts";
import { decipherOffice, isEncrypted } from "./office_crypt.ts";
import { OleFile } from "./ole_file.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";
import { macroText } from "./vba.ts";

/** Names end in NUL. */
function cString(octets: Uint8Array, at: number): { text: string; end: number } | undefined {
  const end = octets.indexOf(0, at);
  if (end < 0 || end - at > 1024) return undefined;
  return { text: nameText(octets.subarray(at, end)), end: end + 1 };
}

/**
 * The file in a package, as `\x01Ole10Native` streams and RTF's `Package` objects have it after their size: flags, label, path, a
 * second path, then size and octets.
 *
 * @param octets From the flags (02 00) on.
 */
export function packagedFile(octets: Uint8Array): Entry | undefined {
  if (u16(octets, 0) !== 2) return undefined;
  const label = cString(octets, 2);
  const path = label && cString(octets, label.end);
  if (!label || !path) return undefined;
  const pathOctets = u32(octets, path.end + 4);
  const at = path.end + 8 + pathOctets;
  const size = u32(octets, at);
  const content = octets.subarray(at + 4, at + 4 + size);
  if (at + 4 > octets.length || content.length === 0) return undefined;
  const base = (name: string) => name.replace(/^.*[/\\]/s, "");
  return {
    names: [...new Set([label.text, base(path.text)])].filter((name) => name !== ""),
    content,
  };
}

/** Whether the file of a package is one that runs, by its content or its name. */
export function isPackagedProgram({ names, content = new Uint8Array(0) }: Entry): boolean {
  const type = fileType(content);
  const group = fileTypeGroup(type);
  return group === "executable" || group === "script" || type === "msi" || type === "chm" ||
    isProgramName(names);
}

/** Names of an Outlook attachment's streams: [MS-OXMSG] 2.4. */
const ATTACHMENT_DATA = /(^|\/)__substg1\.0_37010102$/;
const ATTACHMENT_NAME = /(^|\/)__substg1\.0_37(07|04)001[EF]$/;

/**
 * Gives what is enciphered with a stream of a document, or says that it cannot be read.
 *
 * @returns Whether it could be read.
 */
function* decipher(
  file: OleFile,
  folder: string,
  name: string,
  content: Uint8Array,
  context: UnpackContext,
): Generator<Entry, boolean> {
  if (name.toLowerCase() === "encryptedsummary") return true; // its document says so by itself
  const sibling = (wanted: string) => file.find(folder + wanted);
  const clear = decipherOffice(name, content, sibling, context);
  if (!clear) {
    context.note("encrypted");
    return false;
  }
  for (const { name: own, octets, isAsked, isWhole } of clear) {
    context.budget.unpacked(octets.length);
    const names = isWhole ? context.names : [folder + own];
    const marks = { ...(isAsked ? { encrypted: true } : {}), ...(isWhole ? {} : { quiet: true }) };
    yield { names, content: octets, ...marks };
    if (/^powerpoint document$/i.test(own)) yield* presentationObjects(octets, context);
  }
  return true;
}

/** Opens a compound file. */
export function* unole(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const attachments: { folder: string; content: Uint8Array }[] = [];
  const names = new Map<string, string>();
  let count = 0;
  const file = new OleFile(octets, budget);
  let isOpen = true;
  for (const stream of file.streams()) {
    count++;
    const { path, octets: content } = stream;
    const name = path.slice(path.lastIndexOf("/") + 1);
    const folder = path.slice(0, path.length - name.length);
    budget.unpacked(content.length);
    if (isEncrypted(name, content)) {
      // passwords take their time: where none fitted they are not tried again
      if (isOpen) isOpen = yield* decipher(file, folder, name, content, context);
      continue;
    }
    if (content.length === 0) continue;
    if (ATTACHMENT_DATA.test(path)) {
      attachments.push({ folder, content });
      continue;
    }
    if (ATTACHMENT_NAME.test(path)) {
      const isWide = name.endsWith("F");
      const text = isWide ? new TextDecoder("utf-16le").decode(content) : nameText(content);
      if (!names.has(folder) || name.includes("_3707")) names.set(folder, text.replace(/\0+$/, ""));
    }
    yield { names: [path], content, quiet: true };
    if (/^powerpoint document$/i.test(name)) yield* presentationObjects(content, context);
    else if (/ole10native$/i.test(name)) {
      const file = packagedFile(content.subarray(4)) ?? packagedFile(content);
      if (file && isPackagedProgram(file)) context.suspect?.("Heuristic.PackagedProgram");
      if (file) yield file;
      else if (content.length > 4) yield { names: [name], content: content.subarray(4) };
    } else {
      const macro = macroText(content);
      if (macro) {
        budget.unpacked(macro.length);
        yield { names: [`${path}.vba`], content: macro, macro: true };
      }
    }
  }
  for (const { folder, content } of attachments) {
    const name = names.get(folder);
    yield { names: name ? [name] : [], content };
  }
  if (count === 0) context.note("malformed");
}

/** Class name and data of an OLE1 object, as RTF embeds it: [MS-OLEDS] 2.2.5. */
export function oleObject(octets: Uint8Array): { className: string; data: Uint8Array } | undefined {
  const format = u32(octets, 4);
  if (format !== 2 && format !== 5) return undefined;
  let at = 8;
  const fields: string[] = [];
  for (let i = 0; i < 3; i++) {
    const length = u32(octets, at);
    if (length > 4096 || at + 4 + length > octets.length) return undefined;
    fields.push(latin1Text(octets.subarray(at + 4, at + 4 + length)).replace(/\0+$/, ""));
    at += 4 + length;
  }
  const size = u32(octets, at);
  return { className: fields[0] ?? "", data: octets.subarray(at + 4, at + 4 + size) };
}
