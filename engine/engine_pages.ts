/** Pages of the documentation that are made of the engine's own tables, so that they cannot say anything else than the code does. */
import { HEURISTICS } from "./detect/heuristic_table.ts";
import { CORPUS_NOTES, NOT_OPENED, readerOf } from "./unpack/format_notes.ts";
import { FILE_TYPES } from "./file_types.ts";
import {
  FEW_FUNCTIONS,
  MAX_HEAP_OCTETS,
  MAX_IMAGE_OCTETS,
  MAX_INSTRUCTIONS,
} from "./unpack/emulator/limits.ts";

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, i) => Math.max(3, ...cells.map((row) => (row[i] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [first = [], ...rest] = cells;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(first), rule, ...rest.map(line)].join("\n");
}

/** docs/heuristics.md */
export function heuristicsPage(): string {
  const rows = Object.entries(HEURISTICS).map(([name, { finds, good }]) => [
    `\`Heuristic.${name}\``,
    finds,
    good,
  ]);
  return `# Heuristics

What the scan finds suspicious without any signature. All of them make an object \`suspicious\`, never \`infected\`: what becomes of
it is for the policy to say (\`antivirus.suspicious\`; by default it goes to quarantine, so that nothing is lost by an error). A
finding names its part and, where it is known, the offset in it. Senders or findings can be excepted by rules on \`finding\`,
\`sender\` and \`part\`; single files by a list of good hashes.

Programs as attachments are no finding by themselves: whether a policy lets them through is a matter of types and names.

${table(["Finding", "What is found", "Which good mail may have it"], rows)}

This page is made by \`deno run -A commands/tools/engine_pages.ts\` from \`engine/detect/heuristic_table.ts\`.
`;
}

/** docs/engine-limits.md */
export function limitsPage(): string {
  const opened = { own: [] as string[], "7-Zip": [] as string[] };
  for (const types of Object.values(FILE_TYPES)) {
    for (const type of types) {
      const reader = readerOf(type);
      // of programs only packed ones are, which the page says below
      if (reader !== undefined && type !== "pe") opened[reader].push(type);
    }
  }
  return `# What the engine does not open, and why

A container that is not opened is reported as not scanned, with its reason, and never as clean. Types are told by content.

## Opened

By readers of its own: ${
    opened.own.map((type) => `\`${type}\``).join(", ")
  }. Also zip members by deflate, Deflate64, bzip2, LZMA, xz,
and encrypted by PKWARE's cipher or WinZip's AES; 7z by LZMA, LZMA2, deflate, bzip2 and copies; what programs bring along for
InstallShield and AutoIt (EA05, EA06); objects and macros in presentations of PowerPoint 97 and later. Of ACE what is stored or packed by LZ77 of versions 1 and 2, but not
by their methods for sound and pictures; no program writes ACE any more, so its reader was tested on what the tests themselves
make. A checksum that is wrong is \`malformed\`, here as in every format that has one.

By 7-Zip in WebAssembly, which reads one array of octets and may do nothing else: ${
    opened["7-Zip"].map((type) => `\`${type}\``).join(", ")
  }; also what
the readers above leave: cabinets by LZX and Quantum, 7z by PPMd, BCJ2 or encrypted, zip members by shrink, reduce, implode,
zstd and PPMd, LH5 of zoo, and what programs bring along for NSIS.

Programs for 32-bit Windows (\`pe\`) that look packed are run in an interpreter, which knows a processor's integer instructions, exceptions and debug registers, some seventy
functions of Windows and the program's own file, and has nothing else: what they write into their own memory before they come to it is scanned as a program of its own. So
UPX, ASPack, FSG, MEW, PESpin, Petite, Upack, WWPack32, yC and others like them are unpacked, one on top of another, too. A program is run if it has a packer's sections, or
starts in one that it may write to, in the last one or in none, and imports at most ${FEW_FUNCTIONS} functions; it may have ${
    MAX_IMAGE_OCTETS >> 20
  } MiB of memory, allocate
${MAX_HEAP_OCTETS >> 20} MiB more, and run ${
    MAX_INSTRUCTIONS / 1e6
  } million instructions. One that is not unpacked by then is scanned as it is and not reported as not scanned: \`Heuristic.PackedProgram\` tells
those whose packer is known. Not unpacked are programs of 64 bits and of .NET, what waits for a password or for more of Windows than is there, and what
translates programs for a processor of its own (Themida, VMProtect).

Encrypted zip, 7z, RAR, ARJ, ALZ and EGG (by zip's old cipher) are opened if a password fits: the list of the settings is tried, then words of the message, likeliest
first (after \`password\` in some twenty languages, in quotes, with digits), at most 400 of them and for at most a quarter of the
time limit. Archives whose key takes more than 2^22 (7z) or 2^18 (RAR) rounds are not tried. PDF files
are opened in the same way (RC4, AES-128, AES-256; by the user's or the owner's password, and the empty one), and Office documents: Office Open XML under ECMA-376 Standard and Agile
encryption with at most 1,000,000 rounds, Word and Excel 97 and later under RC4 and CryptoAPI, PowerPoint under CryptoAPI, workbooks
under XOR; the passwords that Excel and PowerPoint take where nobody is asked (\`VelvetSweatshop\`) always. Not opened are Word's XOR of
1995 and rights management: \`encrypted\`.

## Not opened

${
    table(
      ["Type", "Why"],
      Object.entries(NOT_OPENED).map(([type, why]) => [`\`${type}\``, why]),
    )
  }

## Volumes

Volumes of a set (\`a.zip.001\`, \`a.7z.001\`, \`a.z01\` and \`a.zip\`, \`a.part1.rar\`, \`a.rar\` and \`a.r00\`, \`a.tar.gz.aa\`,
cabinets that name each other, InstallShield's \`data1.hdr\` and \`data1.cab\`, ...) that come
as parts of one message or as entries of one archive are put together by their names and read as one; what is found in it is found
in each of them. Volumes in different messages do not meet: each is read for what is in it, and is \`malformed\` where an entry goes on
in the next one.

## Limits

Levels of nesting, files, unpacked octets, ratio and time are the policy's (\`limits\`); each breach is a reason of its own. Of
what claims to unpack to more than is allowed the first 8 MiB are unpacked and searched. One scan holds at most as many unpacked octets in memory as
\`limits.archiveSize\` allows, beside the message; 7-Zip's own memory ends at 192 MiB (larger dictionaries: \`memory\`).
An archive that unpacks to itself, octet by octet, has levels without end: \`depth\`, though it is opened once.

A mail inside the text of an attachment, which no mail program shows but a person may cut out, is opened; what is malformed in it is read
in the usual way and as it stands, not in every way that any program might.

An archive is looked for inside programs, pictures and other files, too. There, what only looks like the beginning of one, as in every
program that knows the format, is no archive and nothing that was left out: a zip needs a directory that points at its members, or
members whose data unpack to their end or are what their headers say; RAR 5 and 7z a first header whose checksum is right.

## Judged otherwise than the test corpus does

${table(["Files", "Why"], CORPUS_NOTES.map(({ files, why }) => [files, why]))}

This page is made by \`deno run -A commands/tools/engine_pages.ts\` from the tables in \`engine/unpack\`.
`;
}
