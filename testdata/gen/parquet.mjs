// Write the Parquet files that internal/parquet and internal/imageset are tested with.
//
//     npm install @duckdb/node-api@1.5.6-r.1 hyparquet@1.31.5 hyparquet-compressors@1.1.2 hyparquet-writer@0.17.0
//     node testdata/gen/parquet.mjs
//
// run from the root of the repository, rewrites internal/parquet/testdata:
//
//     NAME.parquet   rows of images, in the schema of Hugging Face's datasets
//     NAME.json      their label, length and SHA-256 of the bytes, as the other of the two tools reads them
//
// DuckDB 1.5.6 writes the compressions, hyparquet-writer 0.17.0 row groups and pages of a few rows; each file is read
// back by the tool that did not write it (hyparquet 1.31.5 or DuckDB). The pictures are those of internal/imageset.

import { DuckDBInstance } from '@duckdb/node-api'
import { parquetReadObjects, asyncBufferFromFile } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { parquetWriteFile } from 'hyparquet-writer'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'

const out = 'internal/parquet/testdata'
const pictures = ['420_4x5.jpg', 'gray_2bit.png', '420_1x1.jpg', 'bilevel.png'].map(n => readFileSync('internal/imageset/testdata/decode/' + n))
const names = ['cat', 'dog', 'emu']
const notes = JSON.stringify({ info: { features: { image: { _type: 'Image' }, label: { names, _type: 'ClassLabel' } } } })

// row i of a file: every seventh image is missing, every fifth label.
const image = i => i % 7 === 6 ? null : pictures[i % pictures.length]
const label = i => i % 5 === 4 ? null : i % names.length
const range = n => Array.from({ length: n }, (_, i) => i)

function describe(bytes, number) {
  const b = bytes == null ? null : Buffer.from(bytes)
  return { label: number == null ? null : Number(number), bytes: b && b.length, sha256: b && createHash('sha256').update(b).digest('hex') }
}

async function duck(query) {
  const c = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  return (await c.runAndReadAll(query)).getRowObjectsJson()
}

async function byDuckDB(name, n, codec, extra = '') {
  const rows = range(n).map(i => `({'bytes': ${image(i) ? `from_hex('${image(i).toString('hex')}')` : 'null::blob'}, 'path': '${i}.png'}, ${label(i)}::bigint)`)
  await duck(`copy (select col0 as image, col1 as label from (values ${rows.join(',')}))
    to '${out}/${name}.parquet' (format parquet, compression ${codec}, kv_metadata {huggingface: '${notes}'}${extra})`)
  const file = await asyncBufferFromFile(`${out}/${name}.parquet`)
  const read = await parquetReadObjects({ file, compressors, utf8: false })
  writeFileSync(`${out}/${name}.json`, JSON.stringify(read.map(r => describe(r.image?.bytes, r.label)), null, 1) + '\n')
}

async function byHyparquet(name, n, options) {
  parquetWriteFile({
    filename: `${out}/${name}.parquet`,
    columnData: [
      { name: 'img', data: range(n).map(i => ({ bytes: image(i) && new Uint8Array(image(i)), path: `${i}.png` })) },
      { name: 'fine_label', data: range(n).map(i => label(i) == null ? null : BigInt(label(i))) },
    ],
    schema: [
      { name: 'root', num_children: 2 },
      { name: 'img', num_children: 2, repetition_type: 'OPTIONAL' },
      { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
      { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      { name: 'fine_label', type: 'INT64', repetition_type: 'OPTIONAL' },
    ],
    ...options,
  })
  const read = await duck(`select hex(img.bytes) as bytes, fine_label as label from '${out}/${name}.parquet'`)
  writeFileSync(`${out}/${name}.json`, JSON.stringify(read.map(r => describe(r.bytes == null ? null : Buffer.from(r.bytes, 'hex'), r.label)), null, 1) + '\n')
}

mkdirSync(out, { recursive: true })
for (const file of readdirSync(out)) if (/\.(json|parquet)$/.test(file)) rmSync(`${out}/${file}`)
for (const codec of ['snappy', 'gzip', 'zstd', 'uncompressed']) await byDuckDB(codec, 12, codec)
await byDuckDB('version2', 12, 'snappy', ", parquet_version 'V2'")
await byDuckDB('brotli', 2, 'brotli')
await byHyparquet('groups', 30, { rowGroupSize: 11, pageSize: 700, codec: 'SNAPPY' })
await byHyparquet('plain', 12, { pageSize: 300, codec: 'UNCOMPRESSED', dictionarySize: 0 })
