import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { type ArchiveFile, ArchiveFileGone, type ArchiveFiles, ArchiveTrouble } from '../archive/ports.ts';

const CONNECT_MS = 5_000;
/** A store that has not answered in full within this, all attempts together, is down; a part is some 10 MB. ms */
const ANSWER_MS = 60_000;
const ATTEMPTS = 3;

/** Where a bucket is. What is not said comes from where AWS programs look: environment, profile, role of the machine. */
export interface BucketOptions {
  readonly bucket: string;
  /** What all names begin with, without a `/` at its ends; empty for none. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly accessKey: string | undefined;
  readonly secretKey: string | undefined;
  /** How long an answer may take, ms; a minute unless given. */
  readonly answerMs?: number;
}

/** An archive in a bucket of S3 or of what speaks like it. */
export class BucketArchive implements ArchiveFiles {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #answerMs: number;

  constructor({ bucket, prefix, endpoint, region, accessKey, secretKey, answerMs = ANSWER_MS }: BucketOptions) {
    this.#answerMs = answerMs;
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#client = new S3Client({
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
      ...(region !== undefined && { region }),
      ...(accessKey !== undefined && secretKey !== undefined && { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
      maxAttempts: ATTEMPTS,
      // Stores that are not Amazon's refuse the newer checksums; parts have their own.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: CONNECT_MS },
    });
  }

  async list(): Promise<readonly ArchiveFile[]> {
    const files: ArchiveFile[] = [];
    let after: string | undefined;
    do {
      const page = await this.#ask((abortSignal) =>
        this.#client.send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix, ContinuationToken: after }), {
          abortSignal,
        }),
      );
      for (const { Key, Size } of page.Contents ?? [])
        if (Key !== undefined) files.push({ name: Key.slice(this.#prefix.length), bytes: Size ?? 0 });
      after = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (after !== undefined);
    return files;
  }

  async read(name: string, start: number, end: number): Promise<Uint8Array> {
    if (start === end) return new Uint8Array();
    const bytes = await this.#ask(async (abortSignal) => {
      try {
        const { Body } = await this.#client.send(
          new GetObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + name, Range: `bytes=${start}-${end - 1}` }),
          { abortSignal },
        );
        return await Body?.transformToByteArray();
      } catch (error) {
        throw error instanceof NoSuchKey ? new ArchiveFileGone(name) : error;
      }
    });
    if (bytes?.length !== end - start) throw new ArchiveTrouble(`${name} answers ${bytes?.length ?? 0} bytes for ${end - start}`);
    return bytes;
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const { buffer, byteOffset, byteLength } = bytes;
    // A Buffer, so that it can be sent again when the store asks for that.
    const Body = Buffer.from(buffer, byteOffset, byteLength);
    const ContentType = 'application/vnd.apache.parquet';
    const put = new PutObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + name, Body, ContentType });
    await this.#ask((abortSignal) => this.#client.send(put, { abortSignal }));
  }

  async remove(name: string): Promise<void> {
    const gone = new DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + name });
    await this.#ask((abortSignal) => this.#client.send(gone, { abortSignal }));
  }

  /** A bucket has objects whole or not at all. */
  async tidy(): Promise<void> {}

  close(): void {
    this.#client.destroy();
  }

  async #ask<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ending = new AbortController();
    // A body that stalls does not hear of the signal.
    const late = new Promise<never>((_, reject) => {
      ending.signal.addEventListener('abort', () => reject(new Error(`no answer within ${this.#answerMs / 1_000} s`)));
    });
    const timer = setTimeout(() => ending.abort(), this.#answerMs);
    try {
      return await Promise.race([work(ending.signal), late]);
    } catch (error) {
      if (error instanceof ArchiveTrouble) throw error;
      throw new ArchiveTrouble(`the bucket ${this.#bucket} cannot be used (${said(error)})`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What the store said, without what was sent. */
function said(error: unknown): string {
  if (error instanceof S3ServiceException) return `${error.name}, ${error.$metadata.httpStatusCode ?? 'no status'}: ${error.message}`;
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined || message.includes(code) ? message : `${code} ${message}`;
}
