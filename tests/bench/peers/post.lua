-- For wrk: posts the bodies of the file BODIES, a line each, in turn; reports as JSON.
local requests, at = {}, 0
local headers = { ["content-type"] = "application/json", ["accept"] = "application/json" }

function init()
  for body in io.lines(os.getenv("BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local wrong = summary.errors
  io.write(string.format('\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    wrong.connect + wrong.read + wrong.write + wrong.timeout + wrong.status))
end
