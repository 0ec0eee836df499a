package main

import (
	"fmt"
	"testing"
)

// delayRequests makes the page's requests wait, or fail. While window.held has a path, requests for
// it wait until release(path) is called. While window.refused has a status, all requests fail with it.
func (c *tab) delayRequests() {
	c.t.Helper()
	c.run(`{
		Object.assign(window, {held: new Set(), refused: 0});
		let waiting = [];
		const later = setTimeout;
		window.setTimeout = (f, ms) => later(f, ms / 20); // between attempts
		const turn = path => held.has(path) ? new Promise(resolve => waiting.push({path, resolve})) : Promise.resolve();
		window.release = path => {
			held.delete(path);
			for (const w of waiting) if (w.path === path) w.resolve();
			waiting = waiting.filter(w => w.path !== path);
		};
		const {fetch} = window, {postMessage} = Worker.prototype;
		window.fetch = async (path, options) => {
			await turn(path);
			return refused ? new Response('{"error": "Refused."}', {status: refused}) : fetch(path, options);
		};
		Worker.prototype.postMessage = async function (message) { // without a server
			await turn(message.path);
			if (!refused) postMessage.call(this, message);
			else this.dispatchEvent(new MessageEvent("message", {data: {id: message.id, error: "Refused.", status: refused}}));
		};
	}`, nil)
}

// Until the prediction for an input has come, nothing is done with the label of the input before it.
func TestSlowResponses(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.run(`location.hash = "#digit=0&pass=backward&cell=output,3"`, nil)
	c.wantVerdict(s.verdictOn(0))
	loss := func(label int) {
		c.t.Helper()
		c.until(fmt.Sprintf(`document.getElementById("loss-now").textContent.startsWith("loss = −log p%c")`, '₀'+label))
	}
	loss(s.test[0].Label)
	c.delayRequests()
	c.run(`held.add("predict")`, nil)
	c.click("#next")
	c.hash("#digit=1&cell=output,3&pass=backward")
	c.click("#take-step") // of what, isn't known yet
	c.until(`document.getElementById("network").classList.contains("stale")`)
	c.run(`release("predict")`, nil)
	c.wantVerdict(s.verdictOn(1))
	c.until(`!document.getElementById("network").classList.contains("stale")`)
	loss(s.test[1].Label)
	c.hash("#digit=1&cell=output,3&pass=backward")
	c.click("#take-step")
	c.hash(fmt.Sprintf("#digit=1&cell=output,3&pass=backward&label=%d&steps=1&rate=0.003", s.test[1].Label))
	c.wantNoFaults()
}

// If there is no prediction for an input the page doesn't pass off the one before it as its own, and
// tries again, unless the request is wrong.
func TestRefusedPrediction(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.run(`location.hash = "#digit=0"`, nil)
	c.wantVerdict(s.verdictOn(0))
	c.delayRequests()
	const stale = `document.getElementById("network").classList.contains("stale")`
	for k, status := range []int{429, 500} {
		c.run(fmt.Sprintf(`refused = %d`, status), nil)
		c.click("#next")
		c.until(stale + ` && document.getElementById("message").textContent === "Refused."`)
		c.run(`refused = 0`, nil)
		c.wantVerdict(s.verdictOn(k + 1))
		c.until(`!` + stale + ` && document.getElementById("message").textContent === ""`)
	}
	c.run(`refused = 400`, nil)
	c.click("#next")
	c.until(stale)
	c.run(`refused = 0`, nil)
	c.click("#next")
	c.wantVerdict(s.verdictOn(4))
	c.until(`!` + stale)
	c.wantNoFaults()
}

// However often the button is pressed, the square slides for one request at a time, and not for an
// input that is chosen later.
func TestImpatience(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.prefer("reduced-motion", "reduce")
	c.run(`location.hash = "#digit=0"`, nil)
	c.wantVerdict(s.verdictOn(0))
	c.watchRequests()
	c.run(`for (let k = 0; k < 20; k++) document.getElementById("occlude").click()`, nil)
	c.until(`document.getElementById("heat").dataset.done`)
	var asked int
	if c.run(`asked.occlusion`, &asked); asked > 2 {
		t.Errorf("20 clicks make %d requests, want at most 2", asked)
	}
	c.run(`for (let k = 0; k < 2; k++) document.getElementById("occlude").click(); document.getElementById("next").click()`, nil)
	c.wantVerdict(s.verdictOn(1))
	c.run(`new Promise(resolve => setTimeout(resolve, 100))`, nil)
	if text := c.text("#occlusion-text"); text != "" {
		t.Errorf("for a digit that nobody asked about the page says %q", text)
	}
	c.wantNoFaults()
}
