# Pictures: cairo for pages, chafa for terminals; only the programs that draw link them.

DRAW_FLAGS = $(shell $(PKG_CONFIG) --cflags cairo chafa)
$(BUILD)/common/draw/%.o $(BUILD)/common/show/%.o $(BUILD)/common/report/%.o: EXTRA = $(DRAW_FLAGS)
$(BUILD)/tools/fm-plot.o $(BUILD)/tools/fm-show.o $(BUILD)/tools/fm-report.o: EXTRA = $(DRAW_FLAGS)
LIBRARIES += -lcairo -lchafa -lglib-2.0
