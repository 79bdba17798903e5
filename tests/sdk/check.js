// DOKU's own library against the simulator: what `describe()` says of DOKU comes on standard input; one line goes out.
//
// The token call is the library's whole; the balance call is signed by the library and sent by its HTTP client. Run by
// scripts/check-doku-sdk with TZ=Asia/Jakarta, since the library writes the machine's zone into its timestamps.
'use strict'

const assert = require('node:assert/strict')
const crypto = require('node:crypto')
const { default: axios } = require('axios')
const config = require('doku-nodejs-library/_commons/config')
const tokenService = require('doku-nodejs-library/_services/tokenService')
const { Snap } = require('doku-nodejs-library')

async function check(doku) {
  const { client_id: clientID, secret_key: secretKey, private_key: privateKey, agent_key: accountNo } = doku.credentials
  // The library reads its address when it calls, and its constructor already calls.
  config.CORE_SANDBOX_BASE_URL = doku.base_url
  const options = { isProduction: false, privateKey, clientID, secretKey, issuer: 'check', publicKey: doku.public_key }
  const snap = new Snap(options)
  const token = await snap.getTokenB2B()
  assert.equal(token.responseCode, '2007300')
  assert.equal(token.expiresIn, 900)

  const claims = snap.validateTokenB2B(token.accessToken)
  assert.equal(claims.iss, 'DOKU')
  assert.equal(claims.clientId, clientID)
  assert.equal(claims.exp - claims.iat, 900)

  const path = '/snap/v1.1/balance-inquiry'
  const balance = async (body, signed) => {
    const timestamp = tokenService.generateTimestamp()
    const bearer = token.accessToken
    const signature = tokenService.generateSymmetricSignature('POST', path, bearer, signed, timestamp, secretKey)
    const headers = {
      'Content-Type': 'application/json',
      Authorization: `Bearer ${bearer}`,
      'X-PARTNER-ID': clientID,
      'X-EXTERNAL-ID': crypto.randomUUID(),
      'X-TIMESTAMP': timestamp,
      'X-SIGNATURE': signature,
      'CHANNEL-ID': 'SDK',
    }
    const answer = await axios.post(doku.base_url + path, body, { headers, validateStatus: () => true })
    return answer.data.responseCode
  }
  assert.equal(await balance({ accountNo }, { accountNo }), '2001100')
  assert.equal(await balance({ accountNo }, { accountNo: 'another' }), '4011100')

  const stranger = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const pem = stranger.export({ type: 'pkcs8', format: 'pem' })
  const refused = await tokenOf(pem, clientID)
  assert.equal(refused, '4017300')
  return `token of ${token.accessToken.length} characters for ${clientID}, verified; a signed call answered, forgeries refused`
}

async function tokenOf(privateKey, clientID) {
  const timestamp = tokenService.generateTimestamp()
  const signature = tokenService.generateSignature(privateKey, clientID, timestamp)
  const request = tokenService.createTokenB2BRequestDTO(signature, timestamp, clientID)
  return tokenService.createTokenB2B(request, false).then(
    (answer) => answer.responseCode,
    (error) => error.response.data.responseCode,
  )
}

const facts = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
check(facts.doku).then(
  (said) => console.log(`doku-nodejs-library ${require('doku-nodejs-library/package.json').version}: ${said}`),
  (error) => {
    console.error(error)
    process.exitCode = 1
  },
)
