# spills.awk: loops of a disassembly that multiply vectors, and what they keep on the stack.
#
# usage: objdump -d --no-show-raw-insn FILE.o | awk -f spills.awk
#
# A hot loop belongs to a function called a tile, ends in a conditional jump back, has no other jump in it and at least
# `hot` products of vectors (8). Prints a line for each spill, an instruction with a whole vector register (ymm, zmm) and
# a place on the stack, and at the end `LOOPS hot loops, SPILLS spills`.

function number(hex,    i, value) {
	for (i = 1; i <= length(hex); i++)
		value = value * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
	return value
}

# %rbp is the stack's only where the function has made it so; else it is a register like others.
function is_spill(text) {
	return text ~ /%[yz]mm/ && (text ~ /\(%rsp/ || (has_frame && text ~ /\(%rbp/))
}

# Lines first … last are a loop without jumps.
function look_at_loop(first, last,    i, products) {
	for (i = first; i <= last; i++)
		products += text[i] ~ /^({vex} )?v(dp|fn?madd|pdp|pmadd).*%[yz]mm/
	if (products < hot || name !~ /tile/)
		return
	loops++
	for (i = first; i <= last; i++)
		if (is_spill(text[i])) {
			print name ": " text[i]
			spills++
		}
}

BEGIN {
	if (!hot)
		hot = 8
	loops = spills = lines = 0
}

/^[0-9a-f]+ <.*>:$/ {
	name = substr($2, 2, length($2) - 3)
	lines = block = has_frame = 0
}

/^ *[0-9a-f]+:\t/ {
	split($0, part, "\t")
	gsub(/[ :]/, "", part[1])
	at[lines] = part[1]
	text[lines] = part[2]
	if (part[2] ~ /^mov +%rsp,%rbp/ || part[2] ~ /^lea +[^,]*\(%rsp\),%rbp/)
		has_frame = 1
	if (part[2] ~ /^j/) {
		split(part[2], word, / +/)
		if (part[2] !~ /^jmp/ && word[2] ~ /^[0-9a-f]+$/ && number(word[2]) <= number(at[lines]))
			for (i = block; i <= lines; i++)
				if (at[i] == word[2])
					look_at_loop(i, lines)
		block = lines + 1
	}
	lines++
}

END {
	print loops " hot loops, " spills " spills"
}
