package main

import (
	"fmt"
	"math"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
)

// openTraining opens the page of a server that has these training digits, or its usual ones if
// there are none, and few test digits to evaluate a network on.
func openTraining(t *testing.T, train []convnet.Digit) (*tab, site) {
	t.Helper()
	usual, test := testenv.Digits(t)
	if train == nil {
		train = usual
	}
	s, c := servingDigits(t, train, test[:50]), newTab(t)
	c.open(s.URL+"/#strokes=", 1280, 800, false, "light")
	c.ready()
	return c, s
}

// watchRequests counts the page's requests by their path in window.asked, keeps the newest
// request and response in window.sent and window.received, and the largest number of trainings
// at the same time in window.atOnce. window.train may replace a training, for example by
// window.report: it makes one that responds with these fields.
func (c *tab) watchRequests() {
	c.t.Helper()
	c.run(`{
		let training = 0;
		Object.assign(window, {asked: {}, sent: {}, received: {}, atOnce: 0, train: null});
		const filters1 = Array(10).fill([Array(5).fill(Array(5).fill(0.1))]);
		window.report = fields => async () => new Response(JSON.stringify({session: "", filters1, diverged: false, dead: "", rate: 0.01, ...fields}));
		const begin = (path, body) => {
			asked[path] = (asked[path] ?? 0) + 1;
			sent[path] = JSON.parse(body);
			if (path === "train") atOnce = Math.max(atOnce, ++training);
		};
		const end = (path, found) => {
			received[path] = found;
			if (path === "train") training--;
		};
		const {fetch} = window, {postMessage} = Worker.prototype;
		window.fetch = async (path, options) => {
			begin(path, options.body);
			let found = null;
			try {
				const response = await (path === "train" && train ? train(options) : fetch(path, options));
				found = await response.clone().json();
				return response;
			} finally {
				end(path, found);
			}
		};
		// Without a server, messages to a worker and back take the place of requests and responses.
		const paths = {};
		Worker.prototype.postMessage = function (message) {
			const {id, path, body} = message;
			if (Object.keys(paths).length === 0) {
				const {onmessage} = this;
				this.onmessage = event => {
					const {data} = event;
					if (paths[data.id]) end(paths[data.id], JSON.parse(data.response || "null"));
					onmessage(event);
				};
			}
			paths[id] = path;
			begin(path, body);
			if (path !== "train" || !train) postMessage.call(this, message);
			else train().then(r => r.text()).then(response => this.dispatchEvent(new MessageEvent("message", {data: {id, response}})));
		};
	}`, nil)
}

// slide sets a slider.
func (c *tab) slide(id string, value float64) {
	c.t.Helper()
	c.run(fmt.Sprintf(`{ const slider = document.getElementById(%q); slider.value = %v; slider.dispatchEvent(new Event("input")); }`, id, value), nil)
}

// examples is how many training examples the page says the network has learned from.
const examples = `Number(document.getElementById("examples").textContent.replaceAll(",", ""))`

// wantExamples waits until the page says that number, and that training isn't running.
func (c *tab) wantExamples(want int) {
	c.t.Helper()
	c.until(fmt.Sprintf(`%s === %d && document.getElementById("run").textContent !== "Pause"`, examples, want))
}

// wantNotice waits until the page says that about the training, or if want is empty, nothing.
func (c *tab) wantNotice(want string) {
	c.t.Helper()
	c.until(fmt.Sprintf(`document.getElementById("notice-text").textContent === %q && document.getElementById("notice").hidden === %v`, want, want == ""))
}

// A progress is what the server says about a network in training.
type progress struct {
	Session  string
	Examples int
	Loss     *float64
	Dead     string
}

// step has the server take a step at a rate, without dropout.
func (s site) step(t *testing.T, session string, rate float64) (found progress) {
	t.Helper()
	s.ask(t, "train", fmt.Sprintf(`{"session": %q, "seed": 1, "rate": %v, "dropout": 0, "milliseconds": 0}`, session, rate), &found)
	return found
}

// You can watch a network learn, and it classifies your digit meanwhile.
func TestTraining(t *testing.T) {
	t.Parallel()
	c, s := openTraining(t, nil)
	// The button is soon reached with the Tab key.
	stops := 0
	for c.focused() != "run" && stops <= 10 {
		c.key("Tab")
		stops++
	}
	if stops > 10 {
		t.Errorf("it takes more than 10 stops to the button that starts")
	}
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	if !c.is(`document.getElementById("use-training").disabled`) {
		t.Error("the network in training can be chosen before there is one")
	}
	if c.drawn("#tiny-loss") {
		t.Error("there is a curve before the first training example")
	}
	c.watchRequests()

	// A single step draws a point, and the page uses the network in training.
	c.slide("rate", -2)
	c.slide("dropout", 0)
	c.click("#step")
	c.wantExamples(1)
	if !c.drawn("#tiny-loss") {
		t.Error("there is no point after the first training example")
	}
	c.wantVerdict(s.verdictOf(t, s.step(t, "", 0.01).Session, 0))

	// However fast the clicks come, each takes a step. They lead to what the same steps lead to
	// in Go, exactly.
	const steps = 400
	c.run(fmt.Sprintf(`for (let k = 1; k < %d; k++) document.getElementById("step").click()`, steps), nil)
	var mine progress
	var losses []float64
	for range steps {
		mine = s.step(t, mine.Session, 0.01)
		losses = append(losses, *mine.Loss)
	}
	c.wantExamples(steps)
	mean := 0.0
	for _, loss := range losses[steps-200:] {
		mean += loss / 200
	}
	if want := fmt.Sprintf("%.3f", mean); c.text("#loss") != want || mean > 1.9 {
		t.Errorf("the loss is %s, want %s, and at most 1.9", c.text("#loss"), want)
	}
	if text := c.text("#examples-noun"); text != "examples" {
		t.Errorf("found %q", text)
	}
	c.wantVerdict(s.verdictOf(t, mine.Session, 0))
	// The other network is a click or an arrow key away.
	c.click("#use-trained")
	c.wantVerdict(s.verdictOn(0))
	c.key("ArrowRight")
	c.wantVerdict(s.verdictOf(t, mine.Session, 0))

	// It runs until you pause it, or take a step. Only one request is under way at a time.
	c.run(`{
		window.announced = [];
		new MutationObserver(() => announced.push(document.getElementById("training-status").textContent)).observe(document.getElementById("training-status"), {childList: true});
	}`, nil)
	c.click("#run")
	if text := c.text("#run"); text != "Pause" {
		t.Errorf("the button says %q, want Pause", text)
	}
	c.until(fmt.Sprintf(`%s > %d && document.getElementById("accuracy").textContent.endsWith("%%")`, examples, steps+200))
	var announced []string
	if c.run(`announced`, &announced); len(announced) != 1 || announced[0] != "Training resumes." {
		t.Errorf("the page announces %q while training runs", announced)
	}
	c.slide("rate", -1.5) // takes effect with the next slice
	c.slide("dropout", 0.2)
	c.until(`sent.train.rate === 0.032 && sent.train.dropout === 0.2`)
	if text := c.text("#rate-value") + " " + c.text("#dropout-value"); text != "0.032 0.20" {
		t.Errorf("rate and dropout are %s", text)
	}
	c.click("#run")
	c.until(`announced.length === 2`)
	var before, atOnce int
	c.run(examples, &before)
	if c.run(`atOnce`, &atOnce); atOnce != 1 {
		t.Errorf("%d requests to train are under way at the same time", atOnce)
	}
	c.run(`announced`, &announced)
	want := fmt.Sprintf("Training is paused. After %s, loss %s, accuracy %s on 50 test digits.", c.counted(), c.text("#loss"), c.text("#accuracy"))
	if announced[1] != want || c.text("#run") != "Resume" {
		t.Errorf("the page announces %q, want %q; the button says %q", announced[1], want, c.text("#run"))
	}
	c.run(`document.getElementById("run").click(); document.getElementById("step").click()`, nil) // which stops it again
	c.until(`sent.train.milliseconds === 0 && document.getElementById("run").textContent === "Resume" && announced.length > 3`)
	var after int
	if c.run(examples, &after); after <= before {
		t.Errorf("%d training examples, want more than %d", after, before)
	}

	// A new seed resets it; one that isn't an integer changes nothing, and isn't sent.
	seed := func(text string) {
		c.run(fmt.Sprintf(`document.getElementById("seed").value = %q; document.getElementById("seed").dispatchEvent(new Event("change"))`, text), nil)
	}
	seed("-1")
	c.wantNotice("The seed must be a whole number from 0 to 999,999,999.")
	c.wantExamples(after)
	c.run(`document.getElementById("reset").click()`, nil)
	c.wantVerdict(s.verdictOn(0))
	for _, button := range []string{"#step", "#run"} {
		c.run(`document.getElementById("notice-text").textContent = ""`, nil)
		c.click(button)
		c.wantNotice("The seed must be a whole number from 0 to 999,999,999.")
		c.wantExamples(0)
	}
	seed("7")
	c.wantNotice("")
	c.click("#step")
	c.wantExamples(1)
	c.until(`sent.train.seed === 7`)
	c.run(`document.getElementById("reset").click()`, nil)
	c.wantExamples(0)
	c.wantVerdict(s.verdictOn(0))
	if text := c.text("#loss") + c.text("#accuracy") + c.text("#run"); text != "––Start" || c.drawn("#tiny-loss") {
		t.Errorf("after a reset the bar says %q, or there is a curve", text)
	}
	c.wantNoFaults()
}

// counted returns how many training examples the page says there were, in words.
func (c *tab) counted() string {
	c.t.Helper()
	return c.text("#examples") + " training examples"
}

// verdictOf returns what the page says about a test digit for a network in training.
func (s site) verdictOf(t *testing.T, session string, digit int) string {
	t.Helper()
	var found struct{ Prediction, Label int }
	s.ask(t, "predict", fmt.Sprintf(`{"digit": %d, "session": %q}`, digit, session), &found)
	return fmt.Sprintf("Predicted label %d, true label %d (network in training)", found.Prediction, found.Label)
}

// drawn reports whether a picture has a pixel in the color of curves.
func (c *tab) drawn(selector string) (found bool) {
	c.t.Helper()
	c.run(fmt.Sprintf(`{`+readPictures+`
		const {data} = pixelsOf(%q), color = colorOf("--strong");
		data.some((_, k) => k %% 4 === 0 && color.every((v, j) => Math.abs(data[k + j] - v) < 8));
	}`, selector), &found)
	return found
}

// While training runs the page stays calm: it asks for predictions now and then, and for
// nothing while it is hidden.
func TestTrainingPace(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openTraining(t, nil)
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	c.watchRequests()
	c.run(`performance.now = () => window.clock; window.clock = 0`, nil) // stands still
	c.click("#run")
	c.until(`asked.train > 5 && received.predict?.image`)
	asked := func() (train, predict int) {
		c.run(`asked.train`, &train)
		c.run(`asked.predict ?? 0`, &predict)
		return train, predict
	}
	train, before := asked()
	c.until(fmt.Sprintf(`asked.train > %d`, train+3))
	if _, predict := asked(); predict != before {
		t.Errorf("within no time it asks for %d more predictions", predict-before)
	}
	c.run(`window.clock += 100`, nil)
	c.until(fmt.Sprintf(`asked.predict === %d`, before+1))
	// A stroke doesn't wait for that.
	c.run(`document.getElementById("next").click()`, nil)
	c.until(fmt.Sprintf(`asked.predict === %d && sent.predict.digit === 1`, before+2))

	hide := func(hidden bool) {
		c.run(fmt.Sprintf(`Object.defineProperty(document, "hidden", {value: %v, configurable: true}); document.dispatchEvent(new Event("visibilitychange"))`, hidden), nil)
	}
	hide(true)
	c.until(`received.train.examples === ` + examples) // what was under way has come
	train, _ = asked()
	for range 3 {
		c.ask("predict", "{}", nil)
	}
	if now, _ := asked(); now != train {
		t.Errorf("it asks for %d slices of training while it's hidden", now-train)
	}
	if text := c.text("#run"); text != "Pause" {
		t.Errorf("the button says %q while the page is hidden, want Pause", text)
	}
	hide(false)
	c.until(fmt.Sprintf(`asked.train > %d`, train+2))
	c.click("#run")
	c.until(`document.getElementById("run").textContent === "Resume"`)

	// A report that comes after a reset belongs to no network any more.
	c.run(`window.train = () => new Promise(resolve => { window.release = () => resolve(report({session: "old", examples: 7, loss: 1})()); }); document.getElementById("step").click()`, nil)
	c.until(`window.release`)
	c.run(`document.getElementById("reset").click(); window.train = null; release()`, nil)
	c.until(`received.train.session === "old"`)
	c.ask("predict", "{}", nil)
	c.wantExamples(0)
	c.wantNoFaults()
}

// If a network can't learn any more the page says why, and which learning rate did it.
func TestTrainingEnds(t *testing.T) {
	t.Parallel()
	t.Run("diverged", func(t *testing.T) {
		broken := convnet.NewMatrix(side, side)
		broken[side/2][side/2] = math.NaN()
		c, _ := openTraining(t, []convnet.Digit{{Image: broken}})
		c.slide("rate", -0.5)
		c.click("#run")
		c.wantNotice("Training diverged after 1 training example: at learning rate 0.32 the steps overshot further and further, until the loss was no longer a finite number.")
		if text := c.text("#run") + c.text("#loss") + c.text("#retry"); text != "Start–Reset and try 0.01" {
			t.Errorf("found %q", text)
		}
		c.click("#run") // begins again
		c.wantNotice("Training diverged after 1 training example: at learning rate 0.32 the steps overshot further and further, until the loss was no longer a finite number.")
		c.wantNoFaults()
	})
	t.Run("dead", func(t *testing.T) {
		c, _ := openTraining(t, nil)
		c.watchRequests()
		step := func(examples int, dead string, rate float64) {
			c.run(fmt.Sprintf(`window.train = report({examples: %d, loss: 2, dead: %q, rate: %v}); document.getElementById("step").click()`, examples, dead, rate), nil)
			c.wantExamples(examples)
		}
		step(100, "", 0.01)
		step(150, "relu3", 0.32)
		step(440, "", 0.32) // a digit has revived it
		step(450, "relu2", 0.2)
		step(749, "relu2", 0.01)
		c.wantNotice("")
		step(750, "relu2", 0.01)
		const want = "Every ReLU of the second convolution had died by training example 450, at learning rate 0.2. Since then, they've all output 0 for every digit we tried. So the network predicts the same for every digit, and no gradient gets through to revive them."
		c.wantNotice(want)
		if text := c.text("#retry"); text != "Reset and try 0.01" {
			t.Errorf("found %q", text)
		}
		// You may go on. It isn't said again.
		c.click("#dismiss")
		c.wantNotice("")
		step(800, "relu2", 0.01)
		c.wantNotice("")
		// Unless another layer dies. That pauses training.
		c.run(`{
			let k = 1400;
			window.train = () => report({examples: k += 100, loss: 2, dead: "relu3"})();
			document.getElementById("run").click();
		}`, nil)
		c.until(`document.getElementById("notice-text").textContent.startsWith("Every ReLU of the hidden layer had died by training example 1,500,")`)
		c.wantExamples(1800)
		c.wantNoFaults()
	})
}

// A network that the server no longer has is gone, however the page finds that out.
func TestTrainingGone(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openTraining(t, nil)
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	drop := func() {
		c.click("#step")
		c.wantExamples(1)
		c.until(`document.getElementById("verdict").textContent.includes("network in training")`)
		for range 8 {
			s.step(t, "", 0.01)
		}
	}
	const gone = "The network in training is gone. Either the program has stopped, or it dropped this network to make room for newer ones. You can start a new one."
	drop()
	c.click("#step")
	c.wantNotice(gone)
	c.wantVerdict(s.verdictOn(0))
	if text := c.text("#run"); text != "Start" {
		t.Errorf("the button says %q, want Start", text)
	}
	drop()
	c.wantNotice("")
	c.click("#next")
	c.wantNotice(gone)
	c.wantVerdict(s.verdictOn(1))
	if text := c.text("#message"); text != "Test digit 1, one of 50" {
		t.Errorf("the page says %q", text)
	}
	if !c.is(`document.getElementById("use-training").disabled`) {
		t.Error("a network that is gone can be chosen")
	}
	c.faults = nil // the browser notes the responses that say so

	// If a request is refused for another reason, training pauses, and can be resumed.
	c.watchRequests()
	c.click("#step")
	c.wantExamples(1)
	c.run(`window.train = async () => new Response('{"error": "too much to do"}', {status: 429})`, nil)
	c.click("#run")
	c.wantNotice("Training is paused. Too much to do.")
	c.run(`import("./message.js").then(({failed}) => failed({message: "too much to do", status: 429}))`, nil)
	c.until(`document.getElementById("message").textContent === "Too much to do."`)
	if text := c.text("#run"); text != "Resume" {
		t.Errorf("the button says %q, want Resume", text)
	}
	c.run(`window.train = null`, nil)
	c.click("#step")
	c.wantExamples(2)
	c.wantNotice("")
	// If the server no longer responds, its networks in training are gone too.
	c.click("#use-trained")
	c.run(`import("./message.js").then(({failed}) => failed({unreachable: true}))`, nil)
	c.wantNotice(gone)
	if text := c.text("#run"); text != "Start" {
		t.Errorf("the button says %q, want Start", text)
	}
	c.wantNoFaults()
}

// If training is slow to start the page says so. A gentler learning rate is a click away.
func TestTrainingRetry(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, _ := openTraining(t, nil)
	c.watchRequests()
	c.run(`window.train = () => new Promise(resolve => { window.release = () => resolve(report({examples: 1, loss: 1})()); }); document.getElementById("step").click()`, nil)
	c.wantNotice("Waiting for the training digits…")
	c.run(`release()`, nil)
	c.wantNotice("")
	c.run(`document.getElementById("reset").click()`, nil)
	c.run(`window.train = report({examples: 3, loss: null, diverged: true, rate: 0.02})`, nil)
	c.click("#step")
	c.until(`document.getElementById("retry").textContent === "Reset and try 0.001"`)
	c.run(`window.train = null`, nil)
	c.click("#retry")
	c.until(`sent.train.rate === 0.001 && document.getElementById("run").textContent === "Pause" && ` + examples + ` > 0`)
	c.wantNotice("")
	if focused := c.focused(); focused != "run" {
		t.Errorf("the focus is on %q, want the button that pauses", focused)
	}
	c.click("#run")
	c.until(`document.getElementById("run").textContent === "Resume"`)
}

// Steps that a network in training has taken aren't in the address, because a link shows the trained one.
func TestTrainingAddress(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.run(`location.hash = "#digit=0"`, nil)
	c.wantVerdict(s.verdictOn(0))
	c.click("#step")
	c.wantExamples(1)
	c.until(`document.getElementById("verdict").textContent.endsWith("(network in training)")`)
	c.click("#show-backward")
	c.click("#take-step")
	c.until(`document.getElementById("verdict").textContent.endsWith("(network in training, after a step)")`)
	c.hash(fmt.Sprintf("#digit=0&pass=backward&label=%d", s.test[0].Label))
	c.run(`document.getElementById("use-trained").click()`, nil)
	c.wantVerdict(s.verdictOn(0))
	c.click("#take-step")
	c.hash(fmt.Sprintf("#digit=0&pass=backward&label=%d&steps=1&rate=0.003", s.test[0].Label))
	c.wantNoFaults()
}

// The bar stays in sight and keeps its height, whatever happens.
func TestTrainingBar(t *testing.T) {
	t.Parallel()
	for _, screen := range []struct {
		width, height, highest int
		mobile                 bool
	}{{1440, 900, 48, false}, {1280, 800, 48, false}, {720, 450, 80, false}, {360, 740, 80, true}} {
		t.Run(fmt.Sprintf("%d wide", screen.width), func(t *testing.T) {
			if screen.width == 1440 || screen.width == 720 {
				testenv.NeedAll(t)
			}
			c, s := openPage(t, screen.width, screen.height, screen.mobile, "light")
			c.click("#next")
			c.wantVerdict(s.verdictOn(0))
			type box struct{ Top, Height, Left, Right float64 }
			place := func(selector string) (found box) {
				c.run(fmt.Sprintf(`document.querySelector(%q).getBoundingClientRect().toJSON()`, selector), &found)
				return found
			}
			c.run(`scrollTo(0, 0)`, nil)
			before, network := place("#bar"), place("#network")
			if int(before.Height) > screen.highest {
				t.Errorf("the bar is %v high, want at most %d", before.Height, screen.highest)
			}
			// With the longest texts.
			c.watchRequests()
			c.run(`window.train = report({examples: 987654, loss: 98.765, correct: 500, evaluated: 500})`, nil)
			c.run(`document.getElementById("step").click()`, nil)
			c.until(examples + ` === 987654`)
			c.run(`scrollTo(0, 0)`, nil)
			if after := place("#bar"); after != before {
				t.Errorf("the bar is %v, was %v", after, before)
			}
			for _, selector := range []string{"#progress", "#tiny-accuracy", "#toggle"} {
				if b := place(selector); b.Right > before.Right || b.Left < before.Left {
					t.Errorf("%s is from %v to %v, the bar from %v to %v", selector, b.Left, b.Right, before.Left, before.Right)
				}
			}
			// Nothing in it is on top of anything else, and you see what Start starts, if there is room.
			var covered []string
			c.run(`{
				const parts = Array.from(document.querySelectorAll("#which, #bar > h2, #bar > button, #progress > span > *"), e => [e.id || e.textContent, e.getBoundingClientRect()]).filter(([, b]) => b.width > 1);
				const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
				parts.flatMap(([name, a], k) => parts.slice(k + 1).filter(([, b]) => over(a, b)).map(([other]) => name + " and " + other));
			}`, &covered)
			if len(covered) > 0 {
				t.Errorf("overlapping: %q", covered)
			}
			if seen := place("#training-title"); seen.Right-seen.Left > 1 != (screen.width > 760) {
				t.Errorf("the heading is from %v to %v", seen.Left, seen.Right)
			}
			c.shoot(fmt.Sprintf("bar-%d", screen.width))
			c.run(`window.train = null; document.getElementById("reset").click(); scrollTo(0, 400)`, nil)
			if top := place("#bar").Top; top < 0 || top > 1 {
				t.Errorf("the top of the bar is at %v, want it at the top of the window", top)
			}
			// The settings are in sight when they open, and push the rest down.
			c.run(`document.getElementById("toggle").click()`, nil)
			var inSight bool
			c.run(`document.getElementById("settings").getBoundingClientRect().top >= document.getElementById("bar").getBoundingClientRect().bottom - 1`, &inSight)
			if !inSight {
				t.Error("the settings are under the bar")
			}
			c.run(`scrollTo(0, 0)`, nil)
			settings := place("#settings")
			if moved := place("#network").Top - network.Top; moved < settings.Height {
				t.Errorf("the network moves by %v, want at least %v", moved, settings.Height)
			}
			if c.drawn("#curves") {
				t.Error("there is a curve before training")
			}
			c.run(`document.getElementById("step").click()`, nil)
			c.wantExamples(1)
			if !c.drawn("#curves") {
				t.Error("there is no curve after a step")
			}
			if after := place("#settings"); after.Height != settings.Height {
				t.Errorf("the settings are %v high, were %v", after.Height, settings.Height)
			}
			var wide int
			if c.run(`document.documentElement.scrollWidth`, &wide); wide > screen.width {
				t.Errorf("the page is %d wide", wide)
			}
			c.shoot(fmt.Sprintf("settings-%d", screen.width))
			c.run(`document.getElementById("toggle").click()`, nil)
			if after := place("#network").Top; after != network.Top {
				t.Errorf("with the settings closed the network is at %v, was at %v", after, network.Top)
			}
			// You see which network is shown, in forced colors too.
			c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "forced-colors", "value": "active"}}}, nil)
			var colors []string
			c.run(`Array.from(document.querySelectorAll("#which span"), span => getComputedStyle(span).backgroundColor)`, &colors)
			if len(colors) != 2 || colors[0] == colors[1] {
				t.Errorf("in forced colors the backgrounds of the two networks are %q", colors)
			}
			c.wantNoFaults()
		})
	}
}

// A curve has as many points as its picture can show, however many values there are.
func TestCurves(t *testing.T) {
	t.Parallel()
	c, _ := openPage(t, 1280, 800, false, "light")
	c.run(`import("./curves.js").then(module => { window.curves = module; })`, nil)
	var s struct {
		Most, Points, Last, Gaps int
		Mean, Largest            float64
		Ordered                  bool
		First                    []float64
	}
	c.run(`{
		const s = new curves.Series({smooth: 50});
		let most = 0;
		for (let k = 1; k <= 3; k++) s.add(k, k);
		const first = s.points.map(p => p.value);
		for (let k = 4; k <= 100000; k++) {
			s.add(k, k);
			most = Math.max(most, s.points.length);
		}
		const points = s.points.slice(), last = points[points.length - 1];
		const mean = points.reduce((sum, p) => sum + p.value * p.weight, 0) / points.reduce((sum, p) => sum + p.weight, 0);
		s.add(100001, NaN);
		s.add(100002, 5);
		s.add(100003, Infinity);
		({most, points: points.length, last: last.x, mean, largest: s.largest(), first, gaps: s.points.filter(p => p.value === null).length,
			ordered: points.every((p, k) => k === 0 || points[k - 1].x < p.x && points[k - 1].value < p.value)});
	}`, &s)
	if s.Most > 400 || s.Points < 100 || s.Last != 100000 || math.Abs(s.Mean-50000.5) > 1e-6 || s.Gaps != 2 || !s.Ordered || fmt.Sprint(s.First) != "[1 2 3]" || s.Largest < 99000 {
		t.Errorf("found %+v", s)
	}
	var ceilings []float64
	c.run(`[0.3, 1, 2.5, 4, 9, 11, 1000, 1001, 81234].map(curves.ceiling)`, &ceilings)
	if found := fmt.Sprint(ceilings); found != "[0.4 1 4 4 10 20 1000 2000 100000]" {
		t.Errorf("found %s", found)
	}
	c.watchRequests()
	c.run(`document.getElementById("toggle").click()`, nil)
	// A network may be evaluated before it has learned anything.
	c.run(`window.train = report({examples: 0, loss: null, correct: 200, evaluated: 500}); document.getElementById("step").click()`, nil)
	c.until(`document.getElementById("accuracy").textContent === "40.0%"`)
	if !c.drawn("#tiny-accuracy") || !c.drawn("#curves") || c.drawn("#tiny-loss") {
		t.Error("the accuracy before the first training example isn't drawn, or a loss is")
	}
	// A loss beyond the axis raises it.
	for _, q := range []struct {
		loss float64
		want string
	}{{2.3, ""}, {3.5, "The loss has been as high as 3.500, so its axis now ends at 4."}, {1e6, "The loss has been as high as 1.0·10⁶, so its axis now ends at 20."}} {
		c.run(fmt.Sprintf(`window.train = report({examples: 100, loss: %v}); document.getElementById("reset").click(); document.getElementById("step").click()`, q.loss), nil)
		c.until(fmt.Sprintf(`document.getElementById("scale").textContent === %q && document.getElementById("loss").textContent !== "–"`, q.want))
		if !c.drawn("#curves") || !c.drawn("#tiny-loss") {
			t.Errorf("at loss %v there is no curve", q.loss)
		}
	}
}
