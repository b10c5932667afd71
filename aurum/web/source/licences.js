// Writes the licence texts of every package that ends up in the bundle, workers, styles and fonts included.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const LICENCE_FILE = /^(licen[cs]e|notice|thirdpartynotices|copying)/i

// What a package carries inside without saying so in its own licence files.
const INSIDE = {
  'monaco-editor': `It contains DOMPurify, (c) Cure53 and other contributors, under the Apache License 2.0 (its text
is below, with other packages), and the Codicons font, (c) Microsoft Corporation, under the Creative Commons
Attribution 4.0 International licence, https://creativecommons.org/licenses/by/4.0/`,
}

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including without
limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.`

export function licences(root) {
  const folders = new Set()
  const note = path => folders.add(packageOf(path.split('?')[0], root))

  return {
    collect: () => ({ name: 'licences-collect', moduleParsed: ({ id }) => void note(id) }),
    write: fileName => ({
      name: 'licences-write',
      generateBundle(_options, bundle) {
        for (const file of Object.values(bundle)) file.originalFileNames?.forEach(name => note(resolve(root, '..', name)))
        folders.delete(null)
        this.emitFile({ type: 'asset', fileName, source: page([...folders].map(describe)) })
      },
    }),
  }
}

function packageOf(path, root) {
  if (!path.startsWith(root)) return null
  for (let folder = dirname(path); folder.length > root.length; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest)).version) return folder
  }
  return null
}

function describe(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json')))
  const owner = author?.name ?? author ?? `the authors of ${name}`
  const texts = readdirSync(folder)
    .filter(file => LICENCE_FILE.test(file))
    .sort()
    .map(file => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim())
  if (!texts.length && license === 'MIT') texts.push(`Copyright (c) ${owner}\n\n${MIT}`)
  if (!license || !texts.length) throw new Error(`${folder} has no licence text`)
  if (INSIDE[name]) texts.unshift(INSIDE[name])
  return { title: `${name} ${version} (${license})`, text: texts.join('\n\n') }
}

function page(packages) {
  const titles = new Map()
  for (const { title, text } of packages) titles.set(text, (titles.get(text) ?? new Set()).add(title))
  const sections = [...titles].map(([text, names]) => `${[...names].sort().join('\n')}\n\n${text}`).sort()
  return `${['What the files of this folder are made of.', ...sections].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}
