package tutor

func networkSteps() []Step { return nil }
func checkSteps() []Step   { return nil }
