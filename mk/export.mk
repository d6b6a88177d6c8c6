# fm-export: ONNX is protobuf, whose code protobuf-c makes from our .proto; PNG is libpng's.

ONNX_CODE := $(BUILD)/gen/onnx.pb-c
EXPORT_FLAGS = -I$(BUILD)/gen $(shell $(PKG_CONFIG) --cflags libprotobuf-c libpng)
OBJECTS += $(ONNX_CODE).o
$(ARCHIVE): $(ONNX_CODE).o
LIBRARIES += -lprotobuf-c -lpng

$(ONNX_CODE).c: common/export/onnx.proto
	@mkdir -p $(@D)
	$(SAY) GEN $@
	$(QUIET)protoc-c --proto_path=$(<D) --c_out=$(@D) $<

# protobuf-c's own style, not ours
$(ONNX_CODE).o: $(ONNX_CODE).c $(BUILD)/flags
	$(SAY) CC $@
	$(QUIET)$(CC) $(FLAGS) -Wno-shadow $(EXPORT_FLAGS) $(CPPFLAGS_ALL) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/common/export/%.o: EXTRA = $(EXPORT_FLAGS)
$(BUILD)/common/export/onnx.o $(BUILD)/lint/common/export/onnx.tidy: $(ONNX_CODE).c
