/**
 * Types of content that a rule may ask of an attachment. They are the engine's names (a test holds the two lists equal);
 * the policy keeps its own copy because it imports nothing of the engine but types.
 */

/** Types by content, by what they are for; the name of a group stands for all of its types. */
export const ATTACHMENT_TYPES = {
  /** Archives and compressed files. */
  archive: [
    "zip",
    "jar",
    "apk",
    "crx",
    "gzip",
    "zlib",
    "bzip2",
    "xz",
    "lzma",
    "zstd",
    "lzip",
    "lz4",
    "lzop",
    "lrzip",
    "compress",
    "szdd",
    "7z",
    "rar",
    "tar",
    "cpio",
    "ar",
    "deb",
    "rpm",
    "cab",
    "iscab",
    "arj",
    "lzh",
    "arc",
    "ace",
    "alz",
    "zpaq",
    "zoo",
    "xar",
    "warc",
    "uha",
    "sis",
  ],
  /** Images of disks and file systems. */
  disk: [
    "iso",
    "udf",
    "dmg",
    "wim",
    "vhd",
    "vhdx",
    "vmdk",
    "qcow",
    "squashfs",
    "cramfs",
    "ext",
    "fat",
    "hfs",
    "apfs",
  ],
  /** Documents that may hold other files or programs. */
  document: [
    "ole",
    "msi",
    "ooxml",
    "odf",
    "epub",
    "pdf",
    "rtf",
    "postscript",
    "onenote",
    "chm",
    "activemime",
    "hlp",
    "mdb",
  ],
  /** Messages and their encodings. */
  mail: ["message", "mbox", "tnef", "uuencode", "yenc", "binhex", "applefile", "pgp", "pkcs7"],
  /** Programs in machine or byte code. */
  executable: ["pe", "ne", "le", "mz", "elf", "macho", "class", "dex", "wasm", "bytecode"],
  /** Programs in text, and shortcuts that start programs. */
  script: [
    "shell",
    "perl",
    "python",
    "php",
    "ruby",
    "javascript",
    "vbscript",
    "batch",
    "powershell",
    "hta",
    "script",
    "lnk",
    "url",
    "desktop",
  ],
  /** Text with tags. */
  markup: ["html", "svg", "xml"],
  /** Images, sound, films, fonts. */
  media: [
    "png",
    "jpeg",
    "gif",
    "bmp",
    "ico",
    "tiff",
    "webp",
    "psd",
    "heif",
    "emf",
    "wmf",
    "riff",
    "mp3",
    "ogg",
    "flac",
    "mp4",
    "matroska",
    "midi",
    "flash",
    "font",
  ],
  /** Everything else. */
  other: ["sqlite", "ics", "vcard", "shar", "text", "utf16", "binary", "empty"],
} as const;

/** Name of a group of types: `executable`, `archive`, ... */
export type AttachmentGroup = keyof typeof ATTACHMENT_TYPES;
/** What `attachment: { type }` may say: a type by content or a group of them. */
export type AttachmentType = AttachmentGroup | (typeof ATTACHMENT_TYPES)[AttachmentGroup][number];

/** Every {@link AttachmentType}, groups first, each once. */
export const ATTACHMENT_TYPE_NAMES: readonly AttachmentType[] = [
  ...new Set<AttachmentType>([
    ...(Object.keys(ATTACHMENT_TYPES) as AttachmentGroup[]),
    ...Object.values(ATTACHMENT_TYPES).flat(),
  ]),
];

/** The types by content that a name in a rule stands for. */
export function attachmentTypesOf(name: AttachmentType): readonly string[] {
  return Object.hasOwn(ATTACHMENT_TYPES, name) ? ATTACHMENT_TYPES[name as AttachmentGroup] : [name];
}
